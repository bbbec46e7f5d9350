import { z } from 'zod';
import { EnrolmentsRequest } from 'sync-contract/gateway-wire';
import { Signed } from 'sync-contract/signed';
import { In, IsNull, type DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { Permanent } from '../gateway-client/gateway-failures.js';
import { AccountGrant, Invite, Outgoing } from '../ledger/enrolment.entities.js';

export interface Owed {
  gateway: Pick<GatewayClient, 'sendInvites' | 'sendEnrolments' | 'sendGrants'>;
  ledger: DataSource;
  /** the gateway refuses this one whatever happens; the others go on */
  onRefused(kind: 'invite' | 'enrolment' | 'grant', id: string): void;
}

const BATCH = 100;

/**
 * Sends what the DMZ must learn about invites, answers to acceptances, and grants, in this order: an accepted answer
 * precedes its grant. Rows are marked after the gateway's answer, so what dies in between is sent again, which the
 * gateway takes as the same. Safe to run at any time and more than once at a time.
 * @throws Transient of the gateway client
 */
export async function pushOwed(owed: Owed): Promise<void> {
  await pushInvites(owed);
  await pushEnrolments(owed);
  await pushGrants(owed);
}

async function pushInvites(owed: Owed): Promise<void> {
  const invites = await owed.ledger.manager.find(Invite, {
    where: { pushedAt: IsNull(), state: In(['open', 'void', 'expired']) },
    order: { expiresAt: 'ASC' },
    take: BATCH,
  });
  if (invites.length === 0) {
    return;
  }
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

const EnrolmentAnswer = EnrolmentsRequest.shape.enrolments.element;

async function pushEnrolments(owed: Owed): Promise<void> {
  const rows = await owed.ledger.manager.find(Outgoing, {
    where: { pushedAt: IsNull(), kind: 'enrolment' },
    order: { id: 'ASC' },
    take: BATCH,
  });
  if (rows.length === 0) {
    return;
  }
  const sent = await sendTolerantly(
    rows,
    async (some) => {
      crashPoint('before-push:enrolments');
      await owed.gateway.sendEnrolments({ enrolments: z.array(EnrolmentAnswer).parse(some.map(({ body }) => body)) });
      crashPoint('after-push:enrolments');
    },
    (row) => {
      owed.onRefused('enrolment', row.id);
    },
  );
  crashPoint('before-commit:enrolments-pushed');
  await owed.ledger.manager.update(Outgoing, { id: In(sent.map(({ id }) => id)) }, { pushedAt: new Date() });
  crashPoint('after-commit:enrolments-pushed');
}

async function pushGrants(owed: Owed): Promise<void> {
  const grants = await owed.ledger.manager.find(AccountGrant, {
    where: { pushedAt: IsNull(), state: 'active' },
    take: BATCH,
  });
  if (grants.length === 0) {
    return;
  }
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
