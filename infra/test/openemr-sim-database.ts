import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection, type Connection } from 'mysql2/promise';

export class SimDatabase implements AsyncDisposable {
  private constructor(
    readonly connection: Connection,
    readonly name: string,
    private readonly close: () => Promise<void>,
    private readonly socketPath: string,
  ) {}

  static async start(label: string): Promise<SimDatabase> {
    const dir = mkdtempSync('/tmp/openemr-sim-');
    chownSync(dir, 65534, 65534);
    execFileSync(
      'mariadb-install-db',
      [
        '--no-defaults',
        `--datadir=${dir}/data`,
        '--user=nobody',
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      ],
      { stdio: 'ignore', cwd: '/tmp' },
    );
    const child = spawn(
      'mariadbd',
      [
        '--no-defaults',
        '--user=nobody',
        `--datadir=${dir}/data`,
        `--socket=${dir}/s`,
        '--skip-networking',
        `--pid-file=${dir}/pid`,
        '--innodb-buffer-pool-size=32M',
      ],
      { stdio: 'ignore', cwd: dir },
    );
    for (;;) {
      try {
        const connection = await createConnection({ socketPath: `${dir}/s`, user: 'root', dateStrings: true });
        await connection.query(`CREATE DATABASE \`${label}\``);
        await connection.changeUser({ database: label });
        return new SimDatabase(
          connection,
          label,
          async () => {
            await connection.end();
            const exited = new Promise((resolve) => child.once('exit', resolve));
            child.kill('SIGTERM');
            await exited;
            rmSync(dir, { recursive: true, force: true });
          },
          `${dir}/s`,
        );
      } catch (error: unknown) {
        if (child.exitCode !== null) {
          throw error;
        }
        await delay(50);
      }
    }
  }

  async connect(): Promise<Connection> {
    return createConnection({ socketPath: this.socketPath, user: 'root', dateStrings: true, database: this.name });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
