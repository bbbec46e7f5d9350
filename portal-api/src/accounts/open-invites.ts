import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { InviteCodeMistyped, inviteLookup, parseInviteCode, type InviteCode } from 'sync-contract/invite';
import { ThrottleService } from '../throttle/throttle.service.js';
import { hexBytes } from '../database/hex-column.js';
import { Problem } from '../problems/problem.js';
import { InviteExpired, InviteMistyped, InviteUnknown, InviteUsed } from './join.problems.js';

interface InviteRow {
  inviteId: string;
  state: string;
  expired: number | string;
}

/** Recognises invite codes by the HMAC the inside has sent ahead. The secret is never stored. */
@Injectable()
export class OpenInvites {
  constructor(
    private readonly dataSource: DataSource,
    private readonly throttle: ThrottleService,
  ) {}

  /** @throws InviteMistyped */
  parse(typed: string): InviteCode {
    try {
      return parseInviteCode(typed);
    } catch (error: unknown) {
      if (error instanceof InviteCodeMistyped) {
        throw new InviteMistyped();
      }
      throw error;
    }
  }

  /** Counts as a try of this address unless the invite is open. @throws InviteUnknown, InviteUsed, InviteExpired, TooManyTries */
  async assertOpen(code: InviteCode, ip: string): Promise<void> {
    const attempt = await this.throttle.reserve(this.throttle.bucket('address', ip));
    try {
      await this.look(code);
    } catch (error: unknown) {
      if (error instanceof Problem) {
        await this.throttle.failed(attempt);
      }
      throw error;
    }
    await this.throttle.succeeded(attempt);
  }

  private async look(code: InviteCode): Promise<void> {
    const [row] = await this.dataSource.query<InviteRow[]>(
      `SELECT LOWER(HEX(invite_id)) AS inviteId, state, expires_at <= UTC_TIMESTAMP(3) AS expired
       FROM invite WHERE lookup = ?`,
      [hexBytes(inviteLookup(code.secret))],
    );
    if (row === undefined || row.inviteId !== code.inviteId) {
      throw new InviteUnknown();
    }
    if (row.state !== 'open') {
      throw new InviteUsed();
    }
    if (Number(row.expired) === 1) {
      throw new InviteExpired();
    }
  }

  /** Of two who use it at once one gets it. @throws InviteUsed */
  async use(manager: EntityManager, code: InviteCode, accountRef: string): Promise<void> {
    const { affectedRows } = await manager.query<{ affectedRows: number }>(
      `UPDATE invite SET state = 'used', account_ref = ?
       WHERE invite_id = ? AND lookup = ? AND state = 'open' AND expires_at > UTC_TIMESTAMP(3)`,
      [hexBytes(accountRef), hexBytes(code.inviteId), hexBytes(inviteLookup(code.secret))],
    );
    if (affectedRows !== 1) {
      throw new InviteUsed();
    }
  }
}
