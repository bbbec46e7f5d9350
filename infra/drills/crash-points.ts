import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../demo/program.js';

/** A place in the code where a process may be killed: before or after a commit, an acknowledgement or a push. */
export interface CrashPoint {
  name: string;
  /** the workspace whose processes pass it */
  workspace: 'portal-api' | 'sync-agent';
  file: string;
}

/** Which of the system's processes passes the point; the agent's command line counts as the agent. */
export function processOf({ workspace, file }: CrashPoint): 'portalApi' | 'gateway' | 'agent' {
  if (workspace === 'sync-agent') {
    return 'agent';
  }
  return /^(?:gateway|doorbell)/.test(file) ? 'gateway' : 'portalApi';
}

interface Source {
  workspace: CrashPoint['workspace'];
  file: string;
  text: string;
}

const CALL = /\bcrashPoint\(\s*'([^']+)'/g;

/** Where the code commits: a transaction, or a statement that writes outside of one. */
const COMMITS = [
  /\bsettleTransaction\(/g,
  /\b(?:dataSource|ledger)\.transaction\(/g,
  /\b(?:dataSource|ledger)(?:\.manager)?\.query(?:<[^(]*>)?\(\s*['"`]\s*(?:INSERT|UPDATE|DELETE|REPLACE)\b/g,
  /\b(?:dataSource|ledger)\.manager\.(?:insert|update|upsert|delete|save)\(/g,
];
/** Where the agent tells the gateway something that must not be lost. */
const PUSHES = /\bgateway\.(?:send\w+|pushChart|ack)\(/;

/** Transactions that commit nothing of their own. */
const WITHOUT_A_COMMIT: Readonly<Record<string, number>> = {
  // the helper itself, whose callers are counted
  'portal-api/database/settle-transaction.ts': 2,
  // one consistent read of a chart's state
  'portal-api/gateway/chart-store.service.ts': 1,
  // the same of what lies in the replica
  'portal-api/gateway/holdings.service.ts': 1,
  'portal-api/gateway/blob-holdings.service.ts': 1,
  // and of what the daily statement says
  'sync-agent/reconcile/daily-statement.ts': 1,
  // and a heartbeat
  'sync-agent/replicate/heartbeat.ts': 1,
};

/**
 * Every crash point there is, read from the sources.
 * @throws when a name is used twice, or code commits or pushes without points before and after
 */
export function listCrashPoints(root: string = repositoryRoot()): CrashPoint[] {
  const sources = readSources(root);
  const points = sources.flatMap((source) =>
    pointsOf(source).map((name) => ({ name, workspace: source.workspace, file: source.file })),
  );
  const names = points.map((point) => point.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new Error(`the crash point ${twice} stands in two places; a drill could not tell them apart`);
  }
  const bare = sources.flatMap((source) => lackingPoints(source));
  if (bare.length > 0) {
    throw new Error(`places where nothing could be killed: ${bare.join('; ')}`);
  }
  return points;
}

/** What a file does without a crash point around it, in words. */
export function lackingPoints({ workspace, file, text }: Source): string[] {
  const path = `${workspace}/${file}`;
  const code = text.replaceAll(/^import [^;]*;$/gm, '');
  const commits =
    COMMITS.reduce((sum, pattern) => sum + [...code.matchAll(pattern)].length, 0) - (WITHOUT_A_COMMIT[path] ?? 0);
  const points = pointsOf({ workspace, file, text });
  const count = (start: string): number => points.filter((name) => name.startsWith(start)).length;
  const lacking: string[] = [];
  if (count('before-commit:') < commits || count('after-commit:') < commits) {
    lacking.push(
      `${path} commits in ${String(commits)} places and has ${String(count('before-commit:'))} points before and ` +
        `${String(count('after-commit:'))} after`,
    );
  }
  if (PUSHES.test(code) && count('after-push:') + count('after-ack:') === 0) {
    lacking.push(`${path} tells the gateway something and has no point after it`);
  }
  return lacking;
}

function pointsOf({ text }: Source): string[] {
  return [...text.matchAll(CALL)].map((match) => match[1] ?? '');
}

function readSources(root: string): Source[] {
  return (['portal-api', 'sync-agent'] as const).flatMap((workspace) => {
    const folder = join(root, workspace, 'src');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
      .sort()
      .map((file) => ({ workspace, file, text: readFileSync(join(folder, file), 'utf8') }));
  });
}
