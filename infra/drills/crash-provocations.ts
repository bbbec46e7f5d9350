import { randomInt, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { runProgram } from '../demo/program.js';
import { documentsDir, type SimulatedPatient } from '../demo/simulator.js';
import type { System } from '../demo/system.js';
import { until } from '../demo/until.js';
import { addDocument, deleteDocument } from '../openemr-sim/clinic-documents.js';
import { sampleDocument } from '../openemr-sim/sample-documents.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import type { CrashPoint } from './crash-points.js';
import { cutAtLast, liftCut } from './crash-cut.js';
import { Newcomer } from './crash-newcomer.js';

const LEASES_ABANDONED_FOR = 60_000;
const { ledger: LEDGER, openemr: OPENEMR, portal: PORTAL } = DEFAULT_DATABASES;

/** What makes a running system pass a crash point soon. */
export interface Provocation {
  /** passes of the point under ordinary traffic: so many more are let by, at most, before the kill */
  spared: number;
  /** while everything runs, before the process is killed and armed */
  before?: () => Promise<void>;
  /** while the process that will pass the point is down */
  whileDown?: () => Promise<void>;
  /** beside the armed process, which is up when `armed` resolves; goes on through the kill until what it began has ended */
  act?: (armed: Promise<void>) => Promise<void>;
  /** when all is up again: ends what would hold up the rest of the run */
  after?: () => Promise<void>;
  /** of the process that will pass the point, beside its own */
  environment?: Record<string, string>;
  /** the point is on the agent's command line, which runs with these arguments instead of the agent */
  commandLine?: string[];
}

export interface ProvocationContext {
  system: System;
  /** the next synthetic patient whom nobody has used */
  nextPatient: () => SimulatedPatient;
  /** those who joined and do nothing else, to be looked at again at the end */
  joined: Newcomer[];
}

const TRAFFIC =
  /:(?:submission|collect|deliver|feed|chart|chart-attempt|chart-ack|gateway-(?:ack|lease|chart-batch)|audit-entries)$/;

/** How `point` is reached; traffic and the system's own clockwork reach the points that are not named here. */
export function provocationOf(point: CrashPoint, context: ProvocationContext): Provocation {
  return { ...spares(point), ...BY_SUBJECT[subjectOf(point)]?.(context) };
}

/** Points that a running system passes without anybody doing anything for it. */
export function passedByItself(point: CrashPoint): boolean {
  return !(subjectOf(point) in BY_SUBJECT);
}

export function spares({ name }: CrashPoint): { spared: number } {
  return { spared: TRAFFIC.test(name) ? 2 : 0 };
}

function subjectOf({ name }: CrashPoint): string {
  return name.slice(name.indexOf(':') + 1);
}

type Maker = (context: ProvocationContext) => Partial<Provocation>;

const BY_SUBJECT: Readonly<Record<string, Maker>> = {
  join: someoneJoins,
  throttle: someoneJoins,
  'throttle-freed': someoneJoins,
  invites: someoneJoins,
  'invite-pushed': someoneJoins,
  enrolments: someoneJoins,
  'enrolments-pushed': someoneJoins,
  grants: someoneJoins,
  'grants-pushed': someoneJoins,
  'gateway-access': someoneJoins,
  'date-of-birth': (context) => ({ act: () => joinWithWrongDate(context) }),
  'totp-step': (context) => ({ act: () => signInAgain(context) }),
  invite: (context) => ({
    commandLine: ['invite', '--pid', String(context.nextPatient().pid), '--json'],
  }),
  'void-invites': (context) => ({
    commandLine: ['invite', '--pid', String(context.nextPatient().pid), '--void', '--json'],
  }),
  'gateway-keys': agentBeginsAnew,
  'gateway-leases-freed': agentBeginsAnew,
  'gateway-release': ({ system }) => ({
    before: () => system.programs.agent.kill(),
    act: () => abandonLeases(system),
  }),
  'feed-start-over': ({ system }) => ({
    whileDown: async () => {
      await system.services.inside.adminSql('UPDATE ??.feed_position SET file_no = 999999, gtid = NULL', [LEDGER]);
    },
  }),
  'feed-resumed': ({ system }) => ({
    whileDown: async () => {
      await system.services.kill('inside', 'mariadb');
      // Two starts within a few seconds could not be told apart by the server's clock.
      await sleep(6_000);
      await system.services.restart('inside', 'mariadb');
    },
  }),
  'chart-stopped': restoredChart,
  'stand-still': restoredHeartbeat,
  refill: forgetfulDmz,
  'begin-era': ({ system }) => ({
    before: () => system.programs.agent.kill(),
    commandLine: ['restore', '--root-key', system.rootKeyFile],
  }),
  'confirm-patients': confirmedPatient,
  'patient-judged': barredPatient,
  revocations: barredPatient,
  'revocation-pushed': barredPatient,
  'access-ended': (context) => {
    const { pid } = context.nextPatient();
    return {
      before: async () => {
        await context.system.invite(pid);
      },
      commandLine: ['patients', '--revoke', String(pid), '--json'],
    };
  },
  streams: eraBegins,
  reoffer: eraBegins,
  'restore-step': eraBegins,
  'gateway-eras': eraIsTold,
  'gateway-reoffer': eraIsTold,
  'gateway-streams': eraIsTold,
  cut: ({ system }) => ({ commandLine: ['cut', '--json'], after: () => liftCut(system) }),
  'gateway-cut': ({ system }) => ({ act: () => cutAtLast(system), after: () => liftCut(system) }),
  'document-content': clinicFiles,
  'document-held': clinicFiles,
  'blob-begin': clinicFiles,
  'blob-chunks': clinicFiles,
  'blob-commit': clinicFiles,
  'gateway-blob': clinicFiles,
  'document-postponed': (context) => ({
    before: () => context.system.simulator.stop(),
    ...clinicFiles(context),
    after: () => context.system.simulator.start(),
  }),
  'document-none': (context) => wantedAgain(context, 'lost inside'),
  'document-anew': (context) => wantedAgain(context, 'changed in the DMZ'),
  'blob-keep': (context) => ({ act: () => fileAndDelete(context) }),
  'documents-forgotten': (context) => ({ act: () => fileAndDelete(context) }),
  'chart-unchanged': (context) => ({ act: () => changeNothingShown(context) }),
  'owed-sections': (context) =>
    damagedReplica(context, 'UPDATE ??.section SET sealed = REVERSE(sealed) WHERE patient_ref = UNHEX(?) LIMIT 1'),
  'owed-grants': (context) => damagedReplica(context, 'DELETE FROM ??.chart_grant WHERE patient_ref = UNHEX(?)'),
  superfluous: ({ system }) => ({
    // Two comparisons in a row have to find it, and nothing is taken away on the day after a new era.
    environment: { RECONCILE_SECONDS: '10' },
    whileDown: async () => {
      await ageEras(system);
      await system.services.dmz.adminSql(
        `INSERT INTO ??.section (patient_ref, section_id, era, seq, epoch, sha256, sealed)
          VALUES (RANDOM_BYTES(16), RANDOM_BYTES(32), 1, 1, 1, RANDOM_BYTES(32), 'nobody')`,
        [PORTAL],
      );
    },
  }),
  'reading-begun': nightComes,
  'chart-read-again': nightComes,
  'day-closed': nightComes,
  vanished: entryVanishes,
  'lost-noted': ({ system }) => ({
    whileDown: async () => {
      await ageEras(system);
      await system.services.dmz.adminSql(
        `INSERT INTO ??.receipt (submission_id, account_ref, kind, state, saved_at)
          VALUES (UNHEX(CONCAT('019a0000000070008000', HEX(RANDOM_BYTES(6)))), RANDOM_BYTES(16), 'message', 'saved', UTC_TIMESTAMP(3))`,
        [PORTAL],
      );
    },
  }),
  'lost-confirmed': () => ({ commandLine: ['reconciliation', '--confirm-lost', '--json'] }),
  'vanishing-allowed': () => ({ commandLine: ['reconciliation', '--confirm-vanished', '--json'] }),
  'release-decided': ({ system }) => ({
    commandLine: ['release', 'rule', ...idleRule(), '--reason', '171.203', '--for', '1h', '--by', 'frontdesk'],
    after: async () => {
      await system.services.inside.adminSql(
        'UPDATE ??.release_decision SET ended_at = UTC_TIMESTAMP(3) WHERE ended_at IS NULL',
        [LEDGER],
      );
    },
  }),
  'release-lifted': (context) => {
    const id = randomInt(1_000_000, 2_000_000);
    return {
      before: () => decideNothing(context, id, '+ INTERVAL 1 DAY'),
      commandLine: ['release', 'lift', '--decision', String(id), '--by', 'frontdesk'],
    };
  },
  'release-expired': (context) => ({
    whileDown: () => decideNothing(context, randomInt(1_000_000, 2_000_000), '- INTERVAL 1 SECOND'),
  }),
  'stop-stream': (context) => frozenPatient(context, 'revoked'),
  'waiting-noted': (context) => frozenPatient(context, 'frozen'),
};

function someoneJoins(context: ProvocationContext): Partial<Provocation> {
  return {
    act: async () => {
      const newcomer = await Newcomer.join(context.system, context.nextPatient());
      context.joined.push(newcomer);
      await newcomer.chart();
    },
  };
}

function agentBeginsAnew({ system }: ProvocationContext): Partial<Provocation> {
  return {
    act: async () => {
      await system.programs.agent.kill();
      await system.programs.agent.start();
    },
  };
}

async function joinWithWrongDate(context: ProvocationContext): Promise<void> {
  const patient = context.nextPatient();
  const newcomer = await Newcomer.join(context.system, patient, { wrongDate: true });
  await newcomer.correctDate(patient.dateOfBirth);
  context.joined.push(newcomer);
  await newcomer.chart();
}

async function signInAgain(context: ProvocationContext): Promise<void> {
  await (await someoneJoined(context)).signInAgain();
}

/** Somebody with a chart who does nothing by themselves. */
async function someoneJoined(context: ProvocationContext): Promise<Newcomer> {
  const newcomer = context.joined.at(-1) ?? (await Newcomer.join(context.system, context.nextPatient()));
  if (!context.joined.includes(newcomer)) {
    context.joined.push(newcomer);
  }
  await newcomer.chart();
  return newcomer;
}

/**
 * The ledger knows that the chart is in the DMZ as it stands. Seen there it may be earlier, and an agent that dies then
 * sends it anew.
 */
async function acknowledged({ system }: ProvocationContext, pid: number): Promise<void> {
  await until('the chart acknowledged in the ledger', async () => {
    const [row] = await system.services.inside.adminSql(
      `SELECT COUNT(*) AS n FROM ??.chart c JOIN ??.chart_section s ON s.patient_ref = c.patient_ref
        WHERE c.pid = ? AND c.seq = c.attempted_seq AND s.name = 'profile'
          AND NOT EXISTS (SELECT 1 FROM ??.dirty d WHERE d.pid = c.pid)`,
      [LEDGER, LEDGER, pid, LEDGER],
    );
    return Number(row?.['n']) > 0;
  });
}

/** Someone whose chart is frozen writes: the message is collected and waits; with `revoked` it can never be delivered. */
function frozenPatient(context: ProvocationContext, then: 'frozen' | 'revoked'): Partial<Provocation> {
  const { system } = context;
  const inside = system.services.inside;
  let pid = 0;
  const setState = async (state: string): Promise<void> => {
    await inside.adminSql('UPDATE ??.patient SET state = ? WHERE pid = ?', [LEDGER, state, pid]);
  };
  const waiting = async (): Promise<boolean> => {
    const [row] = await inside.adminSql(
      `SELECT COUNT(*) AS n FROM ??.submission s JOIN ??.patient p ON p.patient_ref = s.patient_ref
        WHERE p.pid = ? AND s.state = 'RECEIVED'`,
      [LEDGER, LEDGER, pid],
    );
    return Number(row?.['n']) > 0;
  };
  return {
    before: async () => {
      const newcomer = await Newcomer.join(system, context.nextPatient());
      ({ pid } = newcomer);
      const patientRef = await newcomer.chart();
      await setState('frozen');
      const message = { threadId: null, topic: 'General', subject: 'Waits', body: 'This one waits for the clinic' };
      await newcomer.client.sendMessage(patientRef, message, randomUUID());
      await until('the message of a frozen chart in the ledger', waiting);
      await newcomer.client.close();
    },
    ...(then === 'revoked' ? { whileDown: () => setState('revoked') } : {}),
  };
}

/** A person confirms a patient whom a restore froze. */
function confirmedPatient({ system, nextPatient }: ProvocationContext): Partial<Provocation> {
  const { pid } = nextPatient();
  return {
    before: async () => {
      await system.invite(pid);
      await system.services.inside.adminSql("UPDATE ??.patient SET state = 'frozen' WHERE pid = ?", [LEDGER, pid]);
    },
    commandLine: ['restore', '--same-patient', String(pid), '--json'],
  };
}

/** The clinic bars a patient with a chart, who does nothing else in this run. */
function barredPatient(context: ProvocationContext): Partial<Provocation> {
  let pid = 0;
  return {
    before: async () => {
      const newcomer = await Newcomer.join(context.system, context.nextPatient());
      ({ pid } = newcomer);
      await newcomer.chart();
      await newcomer.client.close();
    },
    whileDown: async () => {
      const { inside } = context.system.services;
      await inside.adminSql("UPDATE ??.patient_data SET allow_patient_portal = 'NO' WHERE pid = ?", [OPENEMR, pid]);
    },
  };
}

/** A ledger from a backup is behind what it once sent of a chart, whose patient does nothing else in this run. */
function restoredChart(context: ProvocationContext): Partial<Provocation> {
  const { inside } = context.system.services;
  let pid = 0;
  return {
    before: async () => {
      const newcomer = await Newcomer.join(context.system, context.nextPatient());
      ({ pid } = newcomer);
      await newcomer.chart();
      await newcomer.client.close();
    },
    whileDown: async () => {
      await inside.adminSql('UPDATE ??.chart SET seq = 0, attempted_seq = 0 WHERE pid = ?', [LEDGER, pid]);
      await inside.adminSql("UPDATE ??.patient_data SET occupation = 'restored' WHERE pid = ?", [OPENEMR, pid]);
    },
  };
}

/** The same of heartbeats, until somebody gives the ledger a number that is ahead again. */
function restoredHeartbeat({ system }: ProvocationContext): Partial<Provocation> {
  const { inside } = system.services;
  let last = 0;
  const acknowledged = async (): Promise<boolean> => {
    const [row] = await inside.adminSql('SELECT era FROM ??.heartbeat_state', [LEDGER]);
    const [held] = await system.services.dmz.adminSql('SELECT era FROM ??.heartbeat', [PORTAL]);
    return row !== undefined && row['era'] === held?.['era'];
  };
  return {
    before: () => until('a heartbeat of the current era at the gateway', acknowledged),
    whileDown: async () => {
      const [row] = await inside.adminSql('SELECT seq FROM ??.heartbeat_state WHERE id = 1', [LEDGER]);
      last = Number(row?.['seq'] ?? 0);
      await inside.adminSql('UPDATE ??.heartbeat_state SET seq = 0', [LEDGER]);
    },
    after: async () => {
      const stopped = async (): Promise<boolean> => {
        const [row] = await inside.adminSql('SELECT stopped_reason AS reason FROM ??.heartbeat_state', [LEDGER]);
        return row?.['reason'] !== null;
      };
      await until('the heartbeats of a restored ledger to stop', stopped);
      await inside.adminSql('UPDATE ??.heartbeat_state SET seq = ?, stopped_reason = NULL', [LEDGER, last + 1_000]);
    },
  };
}

/** The DMZ comes from a backup: it has forgotten what it acknowledged. */
function forgetfulDmz({ system }: ProvocationContext): Partial<Provocation> {
  return {
    whileDown: async () => {
      await system.services.dmz.adminSql('DELETE FROM ??.heartbeat', [PORTAL]);
      await system.services.dmz.adminSql('REPLACE INTO ??.restored (id, at) VALUES (1, UTC_TIMESTAMP(3))', [PORTAL]);
      await system.services.inside.adminSql('UPDATE ??.heartbeat_state SET refilled_at = NULL', [LEDGER]);
    },
  };
}

async function beginEra(system: System): Promise<void> {
  await system.agentCommand(['restore', '--root-key', system.rootKeyFile]);
}

/** The agent that starts finds an era begun, and what that leaves to do with the gateway. */
/** The day is over on which a comparison, careful with what a new era may still bring, takes nothing for lost or superfluous. */
async function ageEras({ services }: System): Promise<void> {
  await services.inside.adminSql('UPDATE ??.era SET begun_at = begun_at - INTERVAL 2 DAY', [LEDGER]);
}

function eraBegins({ system }: ProvocationContext): Partial<Provocation> {
  return { whileDown: () => beginEra(system) };
}

/** The gateway hears of an era that began. */
function eraIsTold({ system }: ProvocationContext): Partial<Provocation> {
  return {
    act: async (armed) => {
      await system.programs.agent.kill();
      // The command asks the gateway which eras it knows.
      await armed;
      await beginEra(system);
      await system.programs.agent.start();
    },
  };
}

function clinicFiles(context: ProvocationContext): Partial<Provocation> {
  return {
    act: async () => {
      const { pid } = await someoneJoined(context);
      for (let turn = 0; turn < 4; turn += 1) {
        await fileDocument(context, pid);
      }
    },
  };
}

/** Two chunks. @returns `documents.id` */
async function fileDocument({ system }: ProvocationContext, pid: number): Promise<number> {
  const openemr = await system.openemr();
  try {
    const folder = documentsDir(system.services.inside);
    const document = sampleDocument('text', 'A line of a long report. '.repeat(4_000));
    return (await addDocument(openemr, folder, { ...document, pid })).id;
  } finally {
    await openemr.end();
  }
}

async function fileAndDelete(context: ProvocationContext): Promise<void> {
  const { pid } = await someoneJoined(context);
  const id = await fileDocument(context, pid);
  await untilHeld(context, id);
  const openemr = await context.system.openemr();
  try {
    await deleteDocument(openemr, { id });
  } finally {
    await openemr.end();
  }
}

async function untilHeld({ system }: ProvocationContext, id: number): Promise<void> {
  await until('the bytes of a document in the DMZ', async () => {
    const [row] = await system.services.inside.adminSql(
      "SELECT COUNT(*) AS n FROM ??.document_blob WHERE document_id = ? AND state = 'held'",
      [LEDGER, id],
    );
    return Number(row?.['n']) > 0;
  });
}

/** A document that is held is wanted again, and cannot be had, or not be sent, as it was. */
function wantedAgain(context: ProvocationContext, how: 'lost inside' | 'changed in the DMZ'): Partial<Provocation> {
  const { dmz, inside } = context.system.services;
  let id = 0;
  return {
    before: async () => {
      const { pid } = await someoneJoined(context);
      id = await fileDocument(context, pid);
      await untilHeld(context, id);
    },
    whileDown: async () => {
      const lost = how === 'lost inside';
      await inside.adminSql(
        `UPDATE ??.document_blob SET state = 'wanted'${lost ? ', uuid = UUID()' : ''} WHERE document_id = ?`,
        [LEDGER, id],
      );
      if (!lost) {
        const [row] = await inside.adminSql('SELECT blob_id AS blobId FROM ??.document_blob WHERE document_id = ?', [
          LEDGER,
          id,
        ]);
        const blobId = row?.['blobId'];
        await dmz.adminSql('UPDATE ??.document_blob SET sha256 = REPEAT(CHAR(0), 32) WHERE blob_id = ?', [
          PORTAL,
          Buffer.isBuffer(blobId) ? blobId : '',
        ]);
      }
    },
  };
}

/** Somebody wrote into the DMZ's database; the agent that starts compares. The last parameter of `sql` is the chart. */
function damagedReplica(context: ProvocationContext, sql: string): Partial<Provocation> {
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
function nightComes({ system }: ProvocationContext): Partial<Provocation> {
  return {
    whileDown: async () => {
      await system.services.inside.adminSql(
        "UPDATE ??.reconciliation_state SET content_day = '2000-01-01', content_after = NULL",
        [LEDGER],
      );
    },
  };
}

/** Asks for a code that nothing has. */
function idleRule(): string[] {
  return ['--code', `local:${randomUUID()}`];
}

/** A decision in force that keeps nothing back. @param end from now, as SQL */
async function decideNothing({ system }: ProvocationContext, id: number, end: string): Promise<void> {
  await system.services.inside.adminSql(
    `INSERT INTO ??.release_decision (id, kind, code_system, code, reason, author, operator, made_at, expires_at)
      VALUES (?, 'rule', '', UUID(), '171.203', 'frontdesk', 'drill', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) ${end})`,
    [LEDGER, id],
  );
}

/** The ledger remembers one entry more than OpenEMR has. */
function entryVanishes(context: ProvocationContext): Partial<Provocation> {
  const { inside } = context.system.services;
  let pid = 0;
  return {
    before: async () => {
      ({ pid } = await someoneJoined(context));
      await acknowledged(context, pid);
    },
    whileDown: async () => {
      await inside.adminSql(
        `UPDATE ??.chart_section s JOIN ??.chart c ON c.patient_ref = s.patient_ref SET s.entries = s.entries + 1
          WHERE c.pid = ? AND s.name = 'profile'`,
        [LEDGER, LEDGER, pid],
      );
      // Another value each time: what is not changed is in no binlog.
      await inside.adminSql('UPDATE ??.patient_data SET occupation = ? WHERE pid = ?', [OPENEMR, randomUUID(), pid]);
    },
  };
}

/** A column that no section shows: the chart is read again and found to be what it was. */
async function changeNothingShown(context: ProvocationContext): Promise<void> {
  const { pid } = await someoneJoined(context);
  const { inside } = context.system.services;
  for (let turn = 0; turn < 20; turn += 1) {
    const occupation = `work ${String(turn)}`;
    await inside.adminSql('UPDATE ??.patient_data SET occupation = ? WHERE pid = ?', [OPENEMR, occupation, pid]);
    await sleep(500);
  }
}

/** The agent's part of the crossing by hand: asks for rows and hangs up while they are being claimed. */
async function abandonLeases(system: System): Promise<void> {
  const { env } = system.programs.agent;
  const file = (name: string): Buffer => readFileSync(env[name] ?? '');
  const dispatcher = new Agent({
    connect: {
      ca: file('GATEWAY_CA_FILE'),
      cert: file('AGENT_CERT_FILE'),
      key: file('AGENT_KEY_FILE'),
      servername: env['GATEWAY_NAME'],
      minVersion: 'TLSv1.3',
    },
  });
  const { gateway } = system.programs;
  const armed = gateway.pid;
  const limit = Date.now() + LEASES_ABANDONED_FOR;
  try {
    for (let turn = 0; Date.now() < limit && gateway.pid === armed; turn += 1) {
      await request(`${env['GATEWAY_URL'] ?? ''}${GATEWAY_ROUTES.lease}`, {
        method: 'POST',
        dispatcher,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ v: PROTOCOL_VERSION, limit: 1, waitMs: 0 }),
        signal: AbortSignal.timeout(1 + (turn % 12)),
      })
        .then(({ body }) => body.dump())
        .catch(() => undefined);
    }
  } finally {
    await dispatcher.destroy();
  }
}

/** Runs the agent's command line to its end; true when it was killed on the way. */
export async function commandLineDies(
  system: System,
  args: string[],
  environment: Record<string, string>,
): Promise<boolean> {
  return runProgram('sync-agent/dist/cli.main.js', args, { ...system.programs.agent.env, ...environment }).then(
    () => false,
    () => true,
  );
}
