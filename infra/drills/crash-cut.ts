import { rmSync } from 'node:fs';
import { runProgram } from '../demo/program.js';
import type { System } from '../demo/system.js';
import { until } from '../demo/until.js';
import { ensureCertificates } from '../services/certificates.js';
import { serverUser } from '../services/child-process.js';

const AGENT_CLI = 'sync-agent/dist/cli.main.js';

/** Cuts the DMZ off, again and again while parts of it die. */
export async function cutAtLast({ programs }: System): Promise<void> {
  await until('the cut to be complete', () => succeeds(['cut', '--json'], programs.agent.env));
}

/** A new pair in the place of the agent's, and the DMZ trusted again; whoever was signed in signs in anew. */
export async function liftCut({ programs, services }: System): Promise<void> {
  const { env } = programs.agent;
  for (const name of ['AGENT_CERT_FILE', 'AGENT_KEY_FILE']) {
    rmSync(env[name] ?? '', { force: true });
  }
  await ensureCertificates(services.dataDir, serverUser());
  await until('the cut to be lifted', () => succeeds(['cut', '--undo', '--dmz-is-trusted-again', '--json'], env));
}

function succeeds(args: string[], env: Record<string, string>): Promise<boolean> {
  return runProgram(AGENT_CLI, args, env).then(
    () => true,
    () => false,
  );
}
