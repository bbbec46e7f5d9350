import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from '../demo/program.js';
import type { System } from '../demo/system.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { cutAtLast, liftCut } from './crash-cut.js';
import {
  clinicFiles,
  damagedDocument,
  fileAndDelete,
  openemrIsDown,
  patientAsksForCcd,
  wantedAgain,
} from './crash-documents.js';
import { eraBegins, eraIsTold, forgetfulDmz, restoredChart, restoredHeartbeat } from './crash-eras.js';
import { abandonLeases, agentBeginsAnew } from './crash-leases.js';
import {
  barredPatient,
  confirmedPatient,
  frozenPatient,
  joinWithWrongDate,
  signInAgain,
  someoneJoins,
} from './crash-patients.js';
import type { CrashPoint } from './crash-points.js';
import type { Provocation, ProvocationContext } from './crash-provocation.js';
import {
  changeNothingShown,
  damagedReplica,
  entryVanishes,
  lostSubmission,
  nightComes,
  superfluousSection,
} from './crash-reconciliation.js';
import { decisionExpires, someoneDecides, someoneLifts } from './crash-releases.js';

const { ledger: LEDGER } = DEFAULT_DATABASES;

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
  'ccd-made': patientAsksForCcd,
  'document-postponed': openemrIsDown,
  'document-none': (context) => wantedAgain(context, 'lost inside'),
  'document-anew': (context) => wantedAgain(context, 'changed in the DMZ'),
  'blob-keep': (context) => ({ act: () => fileAndDelete(context) }),
  'documents-forgotten': (context) => ({ act: () => fileAndDelete(context) }),
  'chart-unchanged': (context) => ({ act: () => changeNothingShown(context) }),
  'owed-sections': (context) =>
    damagedReplica(context, 'UPDATE ??.section SET sealed = REVERSE(sealed) WHERE patient_ref = UNHEX(?) LIMIT 1'),
  'owed-grants': (context) => damagedReplica(context, 'DELETE FROM ??.chart_grant WHERE patient_ref = UNHEX(?)'),
  'owed-blobs': damagedDocument,
  'blob-drop': damagedDocument,
  superfluous: superfluousSection,
  'reading-begun': nightComes,
  'chart-read-again': nightComes,
  'healed-noted': nightComes,
  'day-closed': nightComes,
  vanished: entryVanishes,
  'lost-noted': lostSubmission,
  'lost-confirmed': () => ({ commandLine: ['reconciliation', '--confirm-lost', '--json'] }),
  'vanishing-allowed': () => ({ commandLine: ['reconciliation', '--confirm-vanished', '--json'] }),
  'signed-off': () => ({
    commandLine: ['reconciliation', '--sign-off', 'newest', '--by', 'frontdesk', '--note', 'seen', '--json'],
  }),
  'release-decided': someoneDecides,
  'release-lifted': someoneLifts,
  'release-expired': decisionExpires,
  'stop-stream': (context) => frozenPatient(context, 'revoked'),
  'waiting-noted': (context) => frozenPatient(context, 'frozen'),
};

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
