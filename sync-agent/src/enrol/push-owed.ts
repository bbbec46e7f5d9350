import { z } from 'zod';
import { EnrolmentsRequest } from 'sync-contract/gateway-wire';
import { Signed } from 'sync-contract/signed';
import { In, IsNull, MoreThan, type DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { Permanent } from '../gateway-client/gateway-failures.js';
import { AccountGrant, Invite, Outgoing } from '../ledger/enrolment.entities.js';
import { PatientDecision } from '../ledger/patient-decision.entity.js';
import { Patient } from '../ledger/patient.entity.js';
import { Revocation } from './revoke-patient.js';

export interface Owed {
  gateway: Pick<GatewayClient, 'sendInvites' | 'sendEnrolments' | 'sendGrants' | 'sendRevocations'>;
  ledger: DataSource;
  /** the gateway refuses this one whatever happens; the others go on */
  onRefused(kind: 'invite' | 'enrolment' | 'grant' | 'revocation', id: string): void;
}

const BATCH = 100;

/**
 * Sends what the DMZ must learn about revocations, invites, grants, and answers to acceptances, in this order: what ends
 * has ended before anything begins, and whoever is told that an acceptance holds has its grant. Rows are marked after the gateway's answer, so what dies in between is sent again,
 * which the gateway takes as the same. Rows that are refused hide none behind them. Safe to run at any time and more
 * than once at a time.
 * @throws Transient of the gateway client
 */
export async function pushOwed(owed: Owed): Promise<void> {
  await pushRevocations(owed);
  await pushInvites(owed);
  await pushGrants(owed);
  await pushEnrolments(owed);
}

const IDS = 100;

/** One by one: each is large, rare, and its answer is noted. */
async function pushRevocations(owed: Owed): Promise<void> {
  const next = (after: string): Promise<Outgoing[]> =>
    owed.ledger.manager.find(Outgoing, {
      where: { pushedAt: IsNull(), kind: 'revocation', id: MoreThan(after) },
      order: { id: 'ASC' },
      take: BATCH,
    });
  for await (const rows of pages(next, ({ id }) => id)) {
    for (const { id, body } of rows) {
      await sendTolerantly(
        [{ id, revocation: Revocation.parse(body) }],
        ([row]) => pushRevocation(owed, row),
        () => {
          owed.onRefused('revocation', id);
        },
      );
    }
  }
}

/** A chart is not shredded when its patient was invited anew since: that one has another key already. */
async function pushRevocation(
  { ledger, gateway }: Owed,
  row: { id: string; revocation: Revocation } | undefined,
): Promise<void> {
  if (row === undefined) {
    return;
  }
  const { decision, patientRef, grantIds, accounts } = row.revocation;
  const isRevoked = await ledger.manager.existsBy(Patient, { patientRef, state: 'revoked' });
  let revokedAt = '';
  let sectionsDeleted = 0;
  for (let from = 0; from === 0 || from < Math.max(grantIds.length, accounts.length); from += IDS) {
    crashPoint('before-push:revocations');
    const answer = await gateway.sendRevocations({
      grantIds: grantIds.slice(from, from + IDS),
      charts: isRevoked && from === 0 ? [patientRef] : [],
      accounts: accounts.slice(from, from + IDS),
    });
    crashPoint('after-push:revocations');
    ({ revokedAt } = answer);
    sectionsDeleted += answer.sectionsDeleted;
  }
  await ledger.transaction(async (manager) => {
    await manager.update(Outgoing, { id: row.id }, { pushedAt: new Date() });
    // Of one that is sent again, as after a restore of the DMZ, the first answer stays.
    await manager.update(
      PatientDecision,
      { id: decision, revokedAt: IsNull() },
      { revokedAt: new Date(revokedAt), sectionsDeleted },
    );
    crashPoint('before-commit:revocation-pushed');
  });
  crashPoint('after-commit:revocation-pushed');
}

async function pushInvites(owed: Owed): Promise<void> {
  const next = (after: string): Promise<Invite[]> =>
    owed.ledger.manager.find(Invite, {
      where: { pushedAt: IsNull(), state: In(['open', 'void', 'expired']), inviteId: MoreThan(after) },
      order: { inviteId: 'ASC' },
      take: BATCH,
    });
  for await (const invites of pages(next, ({ inviteId }) => inviteId)) {
    const sent = await sendTolerantly(
      invites,
      async (some) => {
        crashPoint('before-push:invites');
        await owed.gateway.sendInvites({
          invites: some.map(({ inviteId, lookup, expiresAt, state }) => ({
            inviteId,
            lookup,
            expiresAt: expiresAt.toISOString(),
            state: state === 'open' ? 'open' : 'void',
          })),
        });
        crashPoint('after-push:invites');
      },
      (invite) => {
        owed.onRefused('invite', invite.inviteId);
      },
    );
    for (const { inviteId, state } of sent) {
      // An invite that changed while it was on its way goes out again.
      crashPoint('before-commit:invite-pushed');
      await owed.ledger.manager.update(Invite, { inviteId, state, pushedAt: IsNull() }, { pushedAt: new Date() });
      crashPoint('after-commit:invite-pushed');
    }
  }
}

async function pushGrants(owed: Owed): Promise<void> {
  const next = (after: string): Promise<AccountGrant[]> =>
    owed.ledger.manager.find(AccountGrant, {
      where: { pushedAt: IsNull(), state: 'active', grantId: MoreThan(after) },
      order: { grantId: 'ASC' },
      take: BATCH,
    });
  for await (const grants of pages(next, ({ grantId }) => grantId)) {
    const sent = await sendTolerantly(
      grants,
      async (some) => {
        crashPoint('before-push:grants');
        await owed.gateway.sendGrants({ grants: z.array(Signed).parse(some.map(({ signed }) => signed)) });
        crashPoint('after-push:grants');
      },
      (grant) => {
        owed.onRefused('grant', grant.grantId);
      },
    );
    const grantIds = sent.map(({ grantId }) => grantId);
    crashPoint('before-commit:grants-pushed');
    await owed.ledger.manager.update(AccountGrant, { grantId: In(grantIds) }, { pushedAt: new Date() });
    crashPoint('after-commit:grants-pushed');
  }
}

const EnrolmentAnswer = EnrolmentsRequest.shape.enrolments.element;

interface Answer {
  id: string;
  body: z.infer<typeof EnrolmentAnswer>;
}

async function pushEnrolments(owed: Owed): Promise<void> {
  const next = async (after: string): Promise<Answer[]> => {
    const rows = await owed.ledger.manager.find(Outgoing, {
      where: { pushedAt: IsNull(), kind: 'enrolment', id: MoreThan(after) },
      order: { id: 'ASC' },
      take: BATCH,
    });
    return rows.map(({ id, body }) => ({ id, body: EnrolmentAnswer.parse(body) }));
  };
  for await (const answers of pages(next, ({ id }) => id)) {
    const ready = await thoseWithGrants(owed, answers);
    if (ready.length === 0) {
      continue;
    }
    const sent = await sendTolerantly(
      ready,
      async (some) => {
        crashPoint('before-push:enrolments');
        await owed.gateway.sendEnrolments({ enrolments: some.map(({ body }) => body) });
        crashPoint('after-push:enrolments');
      },
      (answer) => {
        owed.onRefused('enrolment', answer.id);
      },
    );
    crashPoint('before-commit:enrolments-pushed');
    await owed.ledger.manager.update(Outgoing, { id: In(sent.map(({ id }) => id)) }, { pushedAt: new Date() });
    crashPoint('after-commit:enrolments-pushed');
  }
}

/**
 * Without the answers whose grant the gateway does not have: one that was written since the grants were sent, or whose
 * grant was refused. An answer and its grant are committed together, so the grant is seen wherever the answer is.
 */
async function thoseWithGrants({ ledger }: Owed, answers: Answer[]): Promise<Answer[]> {
  const unsent = await ledger.manager.findBy(AccountGrant, {
    accountRef: In(answers.map(({ body }) => body.accountRef)),
    pushedAt: IsNull(),
    state: 'active',
  });
  const withoutGrant = new Set(unsent.map(({ accountRef }) => accountRef));
  return answers.filter(({ body }) => body.outcome !== 'accepted' || !withoutGrant.has(body.accountRef));
}

/** Rows in the order of their ids, a batch at a time, until there are no more; never empty. */
async function* pages<Row>(next: (after: string) => Promise<Row[]>, idOf: (row: Row) => string): AsyncGenerator<Row[]> {
  for (let rows = await next(''); rows.length > 0;) {
    yield rows;
    const last = rows.at(-1);
    rows = last === undefined || rows.length < BATCH ? [] : await next(idOf(last));
  }
}

/** All at once; when the gateway refuses the batch for good, one by one, so that one bad row holds nobody back. */
async function sendTolerantly<Row>(
  rows: Row[],
  send: (some: Row[]) => Promise<void>,
  onRefused: (row: Row) => void,
): Promise<Row[]> {
  try {
    await send(rows);
    return rows;
  } catch (failure: unknown) {
    if (!(failure instanceof Permanent)) {
      throw failure;
    }
  }
  const sent: Row[] = [];
  for (const row of rows) {
    try {
      await send([row]);
      sent.push(row);
    } catch (failure: unknown) {
      if (!(failure instanceof Permanent)) {
        throw failure;
      }
      onRefused(row);
    }
  }
  return sent;
}
