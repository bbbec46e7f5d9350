import { DataSource } from 'typeorm';
import { Heartbeat } from 'sync-contract/heartbeat';
import { Signed } from 'sync-contract/signed';
import { SUBMISSION_KINDS } from 'sync-contract/submission';

/** Rows that wait are found by the index on `state`; those that were acknowledged are not touched. */
const WAITING = "state IN ('NEW', 'LEASED')";

export async function waitingByKind(dataSource: DataSource): Promise<Map<string, number>> {
  const rows = await dataSource.query<{ kind: string; n: number | string }[]>(
    `SELECT kind, COUNT(*) AS n FROM outbox WHERE ${WAITING} GROUP BY kind`,
  );
  return new Map(rows.map(({ kind, n }) => [kind, Number(n)]));
}

/** Seconds by kind, 0 of a kind of which nothing waits. */
export async function oldestWaitingByKind(dataSource: DataSource): Promise<Map<string, number>> {
  const rows = await dataSource.query<{ kind: string; age: number | string }[]>(
    `SELECT kind, TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(3)) / 1000000 AS age
       FROM outbox WHERE ${WAITING} GROUP BY kind`,
  );
  return new Map([
    ...SUBMISSION_KINDS.map((kind) => [kind, 0] as const),
    ...rows.map(({ kind, age }) => [kind, Math.max(0, Number(age))] as const),
  ]);
}

/** Seconds, of all kinds; 0 when nothing waits. */
export async function oldestWaiting(dataSource: DataSource): Promise<number> {
  const [row] = await dataSource.query<{ age: number | string | null }[]>(
    `SELECT TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(3)) / 1000000 AS age FROM outbox WHERE ${WAITING}`,
  );
  return Math.max(0, Number(row?.age ?? 0));
}

/**
 * Seconds since the practice's T, less than 0 when it lies ahead of this clock; null before the first heartbeat. For
 * watching only: nothing is verified here.
 */
export async function replicaAge(dataSource: DataSource): Promise<number | null> {
  const heartbeat = await storedHeartbeat(dataSource);
  return heartbeat === null ? null : secondsSince(heartbeat.t);
}

/** Seconds since the newest heartbeat was signed; null before the first. */
export async function heartbeatAge(dataSource: DataSource): Promise<number | null> {
  const heartbeat = await storedHeartbeat(dataSource);
  return heartbeat === null ? null : Math.max(0, secondsSince(heartbeat.issuedAt));
}

async function storedHeartbeat(dataSource: DataSource): Promise<Heartbeat | null> {
  const [row] = await dataSource.query<{ signed: string }[]>('SELECT signed FROM heartbeat WHERE id = 1');
  return row === undefined ? null : Heartbeat.parse(JSON.parse(Signed.parse(JSON.parse(row.signed)).body));
}

function secondsSince(instant: string): number {
  return (Date.now() - Date.parse(instant)) / 1_000;
}
