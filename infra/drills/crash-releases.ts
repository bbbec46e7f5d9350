import { randomInt, randomUUID } from 'node:crypto';
import { DEFAULT_DATABASES } from '../services/services.js';
import type { Provocation, ProvocationContext } from './crash-provocation.js';

const { ledger: LEDGER } = DEFAULT_DATABASES;

/** A rule that asks for a code which nothing has. */
export function someoneDecides({ system }: ProvocationContext): Partial<Provocation> {
  const code = `local:${randomUUID()}`;
  return {
    commandLine: ['release', 'rule', '--code', code, '--reason', '171.203', '--for', '1h', '--by', 'frontdesk'],
    after: async () => {
      await system.services.inside.adminSql(
        'UPDATE ??.release_decision SET ended_at = UTC_TIMESTAMP(3) WHERE ended_at IS NULL',
        [LEDGER],
      );
    },
  };
}

export function someoneLifts(context: ProvocationContext): Partial<Provocation> {
  const id = randomInt(1_000_000, 2_000_000);
  return {
    before: () => decideNothing(context, id, '+ INTERVAL 1 DAY'),
    commandLine: ['release', 'lift', '--decision', String(id), '--by', 'frontdesk'],
  };
}

export function decisionExpires(context: ProvocationContext): Partial<Provocation> {
  return { whileDown: () => decideNothing(context, randomInt(1_000_000, 2_000_000), '- INTERVAL 1 SECOND') };
}

/** A decision in force that keeps nothing back. @param end from now, as SQL */
async function decideNothing({ system }: ProvocationContext, id: number, end: string): Promise<void> {
  await system.services.inside.adminSql(
    `INSERT INTO ??.release_decision (id, kind, code_system, code, reason, author, operator, made_at, expires_at)
      VALUES (?, 'rule', '', UUID(), '171.203', 'frontdesk', 'drill', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) ${end})`,
    [LEDGER, id],
  );
}
