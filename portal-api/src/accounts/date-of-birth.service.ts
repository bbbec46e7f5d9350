import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes } from '../database/hex-column.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { Doorbell } from '../doorbell/doorbell.js';
import type { Session } from '../sessions/session.js';
import { SubmissionsService } from '../submissions/submissions.service.js';
import { unwrap } from '../credentials/account-secrets.js';
import { EnrolmentProof } from './enrolment-proof.js';
import { DateOfBirthNotAsked } from './join.problems.js';

interface EnrolmentRow {
  publicKey: Buffer;
  sealed: Buffer | null;
}

/** Sends the acceptance again with another date of birth, after the inside has said that the first one is wrong. */
@Injectable()
export class DateOfBirthService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly submissions: SubmissionsService,
    private readonly audit: AuditService,
    private readonly doorbell: Doorbell,
  ) {}

  /** @throws DateOfBirthNotAsked also for the second of two sent at once */
  async retry(session: Session, dateOfBirth: string, origin: AuditOrigin): Promise<void> {
    await settleTransaction(this.dataSource, async (manager) => {
      const [row] = await manager.query<EnrolmentRow[]>(
        `SELECT public_key AS publicKey, enrolment_proof_sealed AS sealed FROM account
         WHERE account_ref = ? AND state = 'joining' AND enrolment_outcome = 'wrong-date' AND enrolment_tries_left > 0
         FOR UPDATE`,
        [hexBytes(session.accountRef)],
      );
      if (row === undefined || row.sealed === null) {
        throw new DateOfBirthNotAsked();
      }
      const opened = unwrap(session.settingsKey, session.accountRef, 'enrolment-proof', row.sealed);
      const { inviteId, proof } = EnrolmentProof.parse(JSON.parse(opened.toString('utf8')));
      await manager.query('UPDATE account SET enrolment_outcome = NULL WHERE account_ref = ?', [
        hexBytes(session.accountRef),
      ]);
      await this.submissions.submitEnrolment(manager, {
        accountRef: session.accountRef,
        accountKey: session.settingsKey,
        payload: {
          inviteId,
          accountRef: session.accountRef,
          publicKey: row.publicKey.toString('base64url'),
          proof,
          dateOfBirth,
        },
        origin,
      });
      await this.audit.append(manager, { ...origin, action: 'date-of-birth-retry', outcome: 'ok' });
      crashPoint('before-commit:date-of-birth');
    });
    crashPoint('after-commit:date-of-birth');
    this.doorbell.ring();
  }
}
