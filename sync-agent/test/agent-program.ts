import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** The program itself, as its own process, with nothing in its environment but what it is given. */
export function startProgram(
  file: string,
  args: string[],
  environment: Record<string, string>,
): ReturnType<typeof spawn> {
  const hooks = join(ROOT, 'sync-agent/test/run-typescript.mjs');
  return spawn(process.execPath, ['--import', hooks, join(ROOT, 'sync-agent/src', file), ...args], {
    env: environment,
    cwd: ROOT,
  });
}

/** To its end. */
export async function run(
  args: string[],
  environment: Record<string, string>,
  program = 'cli.main.ts',
): Promise<Ended> {
  const child = startProgram(program, args, environment);
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}
