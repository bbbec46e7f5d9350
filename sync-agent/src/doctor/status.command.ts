import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { TIMES } from 'sync-contract/limits';
import { readAgentConfig, type AgentConfig } from '../config.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { readStuckSeconds, STUCK } from '../ledger/stuck-statements.js';
import { readFeedState, type FeedState } from '../openemr/read-feed-state.js';
import { describeBacklog, readBacklog, type Backlog } from '../replicate/read-backlog.js';
import { describeProgress, readProgress } from '../replicate/read-progress.js';
import { describeStatus, FEED_SILENCE, readStatus, type AgentStatus } from '../replicate/read-status.js';

const NEEDS_PERSON = 3;
const FOLLOW = 5_000;

/** How things stand, whole. */
export interface Standing extends AgentStatus {
  backlog: Backlog;
  /** null before the feed has recorded a place, and when polling */
  feedState: FeedState | null;
  /** since when the database server has not answered the agent's oldest statement; null when it answers */
  stuckSeconds: number | null;
  /** something stands still, or the replica is so old that patients are warned */
  needsPerson: boolean;
}

/** `status`: how current, what waits, what stands still. With `--check` its exit code is 3 when a person is needed. */
export function statusCommand(): Command {
  return new Command('status')
    .description('how current the replica is, what waits, and what is stopped and why')
    .option('--json', 'print JSON instead of text')
    .option('--check', 'end with exit code 3 when a person is needed')
    .option('--follow', 'print how many charts wait, and how long that takes, until none does')
    .action(async ({ json, check, follow }: { json?: true; check?: true; follow?: true }) => {
      if (follow === true) {
        await followProgress(readAgentConfig());
        return;
      }
      const standing = await readStanding(readAgentConfig());
      process.stdout.write(json === true ? `${JSON.stringify(standing)}\n` : describeStanding(standing));
      process.exitCode = check === true && standing.needsPerson ? NEEDS_PERSON : 0;
    });
}

/** One line at once and every few seconds, until the DMZ has every chart. */
async function followProgress(config: AgentConfig): Promise<void> {
  const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
  try {
    for (;;) {
      const progress = await readProgress(ledger.manager);
      process.stdout.write(`${describeProgress(progress)}\n`);
      if (progress.waiting === 0) {
        return;
      }
      await delay(FOLLOW);
    }
  } finally {
    await ledger.destroy();
  }
}

async function readStanding(config: AgentConfig): Promise<Standing> {
  const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
  try {
    const status = await readStatus(ledger.manager);
    const backlog = await readBacklog(ledger.manager);
    const feedState =
      status.feed === null || config.feed.kind === 'polling'
        ? null
        : await readFeedState(config.database, config.feed.account, status.feed);
    const stuckSeconds = await readStuckSeconds(ledger.manager);
    const late = status.lagSeconds !== null && status.lagSeconds * 1_000 > TIMES.red;
    return {
      ...status,
      backlog,
      feedState,
      stuckSeconds,
      needsPerson:
        late ||
        stuckSeconds !== null ||
        (status.feed !== null && status.feed.silentSeconds >= FEED_SILENCE) ||
        status.cut !== null ||
        Math.abs(status.clockAheadSeconds) * 1_000 > TIMES.clockAhead ||
        status.heartbeatStopped ||
        status.vanishingStopped ||
        status.submissionsLost > 0 ||
        backlog.stopped.length > 0,
    };
  } finally {
    await ledger.destroy();
  }
}

function describeStanding(standing: Standing): string {
  return [
    describeStatus(standing),
    describeBacklog(standing.backlog),
    standing.feedState === null ? '' : `${describeFeed(standing.feedState)}\n`,
    standing.stuckSeconds === null
      ? ''
      : `stuck: OpenEMR's database server lets the agent wait for ${String(standing.stuckSeconds)} s now, ${STUCK}\n`,
    standing.needsPerson ? 'a person is needed\n' : '',
  ].join('');
}

function describeFeed(feed: FeedState): string {
  switch (feed.state) {
    case 'held':
      return feed.bytesBehindInFile === null
        ? `binlog: ${String(feed.filesBehind)} files behind`
        : `binlog: ${String(feed.bytesBehindInFile)} bytes behind`;
    case 'lost':
      return 'binlog: the place that was read last is gone; the running agent reads everything again';
    case 'unknown':
      return `binlog: cannot be asked (${feed.code}); doctor says why`;
  }
}
