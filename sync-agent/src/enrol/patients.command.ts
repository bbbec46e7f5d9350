import { Command, InvalidArgumentError } from 'commander';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { readAgentConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { DECISION_CAUSES } from '../ledger/patient-decision.entity.js';
import { Patient } from '../ledger/patient.entity.js';
import { describeConfirmation, runConfirmation } from '../restore/restore.command.js';
import { revokePatient } from './revoke-patient.js';

interface PatientsOptions {
  samePatient?: number[];
  revoke?: number[];
  json?: true;
}

/** A patient whose access waits for a person or has ended. */
export interface DecidedPatient {
  pid: number;
  state: 'frozen' | 'revoked';
  why: string;
  since: string;
  /** when the DMZ had shredded keys and chart; null when it has not said so, or need not */
  shreddedAt: string | null;
}

const Rows = z.array(
  z.object({
    pid: z.coerce.number(),
    state: z.enum(['frozen', 'revoked']),
    cause: z.string().nullable(),
    at: z.date().nullable(),
    shreddedAt: z.date().nullable(),
  }),
);
const NOT_REVOKED = 2;

/**
 * `patients`: whose access is frozen or has ended, and why. With `--same-patient` a person confirms that OpenEMR's record
 * is the same patient's, with `--revoke` a person ends the access. Exit code 2 when that could not be done for a pid.
 */
export function patientsCommand(): Command {
  return new Command('patients')
    .description('whose access to the portal is frozen or has ended, and why; confirm a patient, or end an access')
    .option(
      '--same-patient <pids>',
      'pids, with commas, of whom a person saw that OpenEMR has the same patient',
      parsePids,
    )
    .option(
      '--revoke <pids>',
      'pids, with commas, whose access ends: keys and chart in the DMZ are shredded',
      parsePids,
    )
    .option('--json', 'print JSON instead of text')
    .action(async ({ samePatient, revoke, json }: PatientsOptions) => {
      const config = readAgentConfig();
      if (samePatient !== undefined) {
        const confirmation = await runConfirmation(config, samePatient);
        process.stdout.write(json === true ? `${JSON.stringify(confirmation)}\n` : describeConfirmation(confirmation));
        process.exitCode = confirmation.refused.length > 0 ? NOT_REVOKED : 0;
        return;
      }
      const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
      try {
        if (revoke !== undefined) {
          const ended = await endAccess(ledger, revoke);
          process.exitCode = ended.length < new Set(revoke).size ? NOT_REVOKED : 0;
        }
        const patients = await readDecided(ledger.manager);
        process.stdout.write(json === true ? `${JSON.stringify({ patients })}\n` : describe(patients));
      } finally {
        await ledger.destroy();
      }
    });
}

/**
 * A person ends these patients' access; the running agent tells the DMZ. Repeating it is no mistake.
 * @returns those whose access has ended by now; a pid without access is missing
 */
export async function endAccess(ledger: DataSource, pids: readonly number[]): Promise<number[]> {
  const ended: number[] = [];
  for (const pid of new Set(pids)) {
    const isEnded = await ledger.transaction(async (manager) => {
      const patient = await manager.findOne(Patient, { where: { pid }, lock: { mode: 'pessimistic_write' } });
      if (patient === null || patient.state === 'revoked') {
        return patient !== null;
      }
      await revokePatient(manager, patient, { cause: 'staff', decidedBy: 'staff' });
      crashPoint('before-commit:access-ended');
      return true;
    });
    crashPoint('after-commit:access-ended');
    ended.push(...(isEnded ? [pid] : []));
  }
  return ended;
}

export async function readDecided(manager: EntityManager): Promise<DecidedPatient[]> {
  const rows: unknown = await manager.query(
    `SELECT p.pid, p.state, d.cause, d.at, d.revoked_at AS shreddedAt
       FROM patient p
       LEFT JOIN patient_decision d ON d.id =
         (SELECT MAX(l.id) FROM patient_decision l WHERE l.patient_ref = p.patient_ref AND l.decision = p.state)
      WHERE p.state IN ('frozen', 'revoked') ORDER BY p.state, p.pid`,
  );
  return Rows.parse(rows).map(({ pid, state, cause, at, shreddedAt }) => ({
    pid,
    state,
    why: Object.entries(DECISION_CAUSES).find(([name]) => name === cause)?.[1] ?? DECISION_CAUSES.restore,
    since: (at ?? new Date(0)).toISOString(),
    shreddedAt: shreddedAt?.toISOString() ?? null,
  }));
}

function describe(patients: readonly DecidedPatient[]): string {
  const lines = patients.map(
    ({ pid, state, why, since, shreddedAt }) =>
      `pid ${String(pid)}  ${state} since ${since}: ${why}` +
      (state === 'frozen'
        ? ''
        : `; ${shreddedAt === null ? 'the DMZ has not shredded it yet' : `shredded ${shreddedAt}`}`),
  );
  if (patients.some(({ state }) => state === 'frozen')) {
    lines.push(
      'Frozen: compare name, date of birth and chart with what the practice knows, after a merge or a correction the charts of ' +
        'both patients; then `patients --same-patient PIDS`, or `patients --revoke PIDS`. A record that was merged into ' +
        'another has to be revoked.',
    );
  }
  return `${(lines.length > 0 ? lines : ['Nobody is frozen or revoked.']).join('\n')}\n`;
}

function parsePids(text: string): number[] {
  const pids = text.split(',').map(Number);
  if (pids.some((pid) => !Number.isSafeInteger(pid) || pid <= 0)) {
    throw new InvalidArgumentError('must be pids with commas between them.');
  }
  return pids;
}
