import { userInfo } from 'node:os';
import { bareEnvironment, run } from '../services/child-process.js';
import { DEFAULT_DATABASES, type ZoneAccess } from '../services/services.js';

/** What the clinic's own backup of OpenEMR is: the whole database at one moment, as SQL that is text, uuids included. */
export function dumpOpenEmr(inside: ZoneAccess): Promise<string> {
  return mariadbProgram(inside, 'mariadb-dump', ['--single-transaction', '--skip-no-autocommit', '--hex-blob']);
}

/** Puts OpenEMR's database back, its numbering included; nobody works with it meanwhile. */
export async function restoreOpenEmr(inside: ZoneAccess, dump: string): Promise<void> {
  await mariadbProgram(inside, 'mariadb', ['--batch', '--binary-mode', '--skip-reconnect'], dump);
}

function mariadbProgram(inside: ZoneAccess, program: string, options: string[], input?: string): Promise<string> {
  const args = ['--no-defaults', `--socket=${inside.mariadb.socket}`, `--user=${userInfo().username}`, ...options];
  return run(program, [...args, DEFAULT_DATABASES.openemr], {
    env: bareEnvironment('/nonexistent'),
    ...(input === undefined ? {} : { input }),
  });
}
