import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_DATABASES } from '../services/services.js';
import { ageEras } from './crash-eras.js';
import { acknowledged, someoneJoined, type Provocation, type ProvocationContext } from './crash-provocation.js';

const { ledger: LEDGER, openemr: OPENEMR, portal: PORTAL } = DEFAULT_DATABASES;

/** Somebody wrote into the DMZ's database; the agent that starts compares. The last parameter of `sql` is the chart. */
export function damagedReplica(context: ProvocationContext, sql: string): Partial<Provocation> {
  let patientRef = '';
  return {
    before: async () => {
      const newcomer = await someoneJoined(context);
      patientRef = await newcomer.chart();
      await acknowledged(context, newcomer.pid);
    },
    whileDown: async () => {
      await context.system.services.dmz.adminSql(sql, [PORTAL, patientRef]);
    },
  };
}

/** The clinic's night has come since the agent was last there. */
export function nightComes({ system }: ProvocationContext): Partial<Provocation> {
  return {
    whileDown: async () => {
      await system.services.inside.adminSql(
        "UPDATE ??.reconciliation_state SET content_day = '2000-01-01', content_after = NULL",
        [LEDGER],
      );
    },
  };
}

/** The ledger remembers one entry more than OpenEMR has. */
export function entryVanishes(context: ProvocationContext): Partial<Provocation> {
  const { inside } = context.system.services;
  let pid = 0;
  return {
    before: async () => {
      ({ pid } = await someoneJoined(context));
      await acknowledged(context, pid);
    },
    whileDown: async () => {
      await inside.adminSql(
        `UPDATE ??.acked_class a JOIN ??.chart c ON c.patient_ref = a.patient_ref SET a.entries = a.entries + 1
          WHERE c.pid = ? AND a.record_class = 'profile'`,
        [LEDGER, LEDGER, pid],
      );
      // Another value each time: what is not changed is in no binlog.
      await inside.adminSql('UPDATE ??.patient_data SET usertext1 = ? WHERE pid = ?', [OPENEMR, randomUUID(), pid]);
    },
  };
}

/** A column that no section shows: the chart is read again and found to be what it was. */
export async function changeNothingShown(context: ProvocationContext): Promise<void> {
  const { pid } = await someoneJoined(context);
  const { inside } = context.system.services;
  for (let turn = 0; turn < 20; turn += 1) {
    const note = `work ${String(turn)}`;
    await inside.adminSql('UPDATE ??.patient_data SET usertext1 = ? WHERE pid = ?', [OPENEMR, note, pid]);
    await sleep(500);
  }
}

/** A section of nobody: two comparisons in a row have to find it, and nothing is taken away on the day after a new era. */
export function superfluousSection({ system }: ProvocationContext): Partial<Provocation> {
  return {
    environment: { RECONCILE_SECONDS: '10' },
    whileDown: async () => {
      await ageEras(system);
      await system.services.dmz.adminSql(
        `INSERT INTO ??.section (patient_ref, section_id, era, seq, epoch, sha256, sealed)
          VALUES (RANDOM_BYTES(16), RANDOM_BYTES(32), 1, 1, 1, RANDOM_BYTES(32), 'nobody')`,
        [PORTAL],
      );
    },
  };
}

/** A receipt of a submission that is in no outbox and not inside. */
export function lostSubmission({ system }: ProvocationContext): Partial<Provocation> {
  return {
    whileDown: async () => {
      await ageEras(system);
      await system.services.dmz.adminSql(
        `INSERT INTO ??.receipt (submission_id, account_ref, kind, state, saved_at)
          VALUES (UNHEX(CONCAT('019a0000000070008000', HEX(RANDOM_BYTES(6)))), RANDOM_BYTES(16), 'message', 'saved', UTC_TIMESTAMP(3))`,
        [PORTAL],
      );
    },
  };
}
