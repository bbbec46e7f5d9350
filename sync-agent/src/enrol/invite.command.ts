import { readFileSync } from 'node:fs';
import { Queue } from 'bullmq';
import { Command, InvalidArgumentError } from 'commander';
import QRCode from 'qrcode';
import type { DataSource } from 'typeorm';
import { readAgentConfig, type AgentConfig } from '../config.js';
import { KeyStore } from '../keys/key-store.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import { InviteRefused, issueInvite, voidInvites, type IssuedInvite } from './issue-invite.js';

export interface InviteOptions {
  pid: number;
  json?: true;
  void?: true;
}

const WAKE_LIMIT = 1_000;

/**
 * `invite`: hands out a one-time code for a patient. The code is printed once and can be replaced, never shown again.
 * Exit code 1 with one sentence on standard error when the patient cannot be invited.
 */
export function inviteCommand(): Command {
  return new Command('invite')
    .description('issue a one-time code with which a patient joins the portal; a new code replaces an unused one')
    .requiredOption('--pid <pid>', "the patient's pid in OpenEMR", parsePid)
    .option('--void', 'only withdraw unused codes of the patient')
    .option('--json', 'print JSON instead of text')
    .action(async (options: InviteOptions) => {
      const config = readAgentConfig();
      try {
        process.stdout.write(await runInvite(config, options));
      } catch (error: unknown) {
        if (!(error instanceof InviteRefused)) {
          throw error;
        }
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 1;
      }
    });
}

/** The command without its command line. @returns what is to be printed. @throws InviteRefused */
export async function runInvite(config: AgentConfig, options: InviteOptions): Promise<string> {
  const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
  try {
    return options.void === true ? await withdraw(ledger, options) : await issue(config, ledger, options);
  } finally {
    await Promise.all([ledger.destroy(), wakeAgent(config)]);
  }
}

async function withdraw(ledger: DataSource, { pid, json }: InviteOptions): Promise<string> {
  const withdrawn = await voidInvites(ledger, pid);
  return json === true ? `${JSON.stringify({ withdrawn })}\n` : `${String(withdrawn)} unused codes withdrawn.\n`;
}

async function issue(config: AgentConfig, ledger: DataSource, { pid, json }: InviteOptions): Promise<string> {
  const invite = await issueInvite(
    {
      ledger,
      keys: KeyStore.open(config.keyDir, config.siteId),
      tables: openEmrTables(config.database.openemrName),
      portalOrigin: config.portalOrigin,
    },
    pid,
  );
  return json === true ? `${JSON.stringify(invite)}\n` : inviteText(invite);
}

async function inviteText(invite: IssuedInvite): Promise<string> {
  const qr = await QRCode.toString(invite.link, { type: 'utf8', errorCorrectionLevel: 'M' });
  return [
    `Invite code   ${invite.code}`,
    `Link          ${invite.link}`,
    `Valid until   ${invite.expiresAt}`,
    ...(invite.replaced > 0 ? ['An earlier unused code of this patient is void from now on.'] : []),
    ...(invite.furtherKey ? ['The patient has an account already. Handing out this code approves a further one.'] : []),
    ...(invite.returned
      ? ['The access of this patient had ended; with this code it begins anew, with a new account.']
      : []),
    'Hand the code to the patient in person or by post; it is not shown again.',
    '',
    qr,
    '',
  ].join('\n');
}

function parsePid(text: string): number {
  const pid = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(pid) || pid === 0) {
    throw new InvalidArgumentError('must be a whole number above 0.');
  }
  return pid;
}

/** The running agent sweeps what it owes the DMZ every few seconds; this only spares the wait. */
async function wakeAgent({ redis, queuePrefix }: AgentConfig): Promise<void> {
  const queue = new Queue('collections', {
    prefix: queuePrefix,
    connection: {
      host: redis.host,
      port: redis.port,
      username: redis.user,
      password: redis.password,
      tls: { ca: readFileSync(redis.caFile), minVersion: 'TLSv1.2' },
      connectTimeout: WAKE_LIMIT,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    },
  });
  queue.on('error', () => undefined);
  const added = queue
    .add(
      'push-owed',
      { id: 'owed' },
      { removeOnComplete: true, removeOnFail: true, deduplication: { id: 'push-owed-owed', keepLastIfActive: true } },
    )
    .catch(() => undefined);
  await Promise.race([added, new Promise((resolve) => setTimeout(resolve, WAKE_LIMIT).unref())]);
  await Promise.race([
    queue.close().catch(() => undefined),
    new Promise((resolve) => setTimeout(resolve, WAKE_LIMIT).unref()),
  ]);
}
