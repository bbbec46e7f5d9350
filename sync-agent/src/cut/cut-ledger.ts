import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { CutRow } from '../ledger/cut.entity.js';
import { agentLockName } from '../ledger/single-agent.js';

/** What the ledger says about trust in the DMZ. */
export interface Standing {
  state: 'cut' | 'lifted';
  /** since when */
  issuedAt: Date;
}

/** Null while nothing was ever cut. */
export async function readStanding(manager: EntityManager): Promise<Standing | null> {
  const [newest] = await manager.find(CutRow, { order: { issuedAt: 'DESC' }, take: 1 });
  return newest === undefined ? null : { state: newest.state, issuedAt: newest.issuedAt };
}

/** Fingerprints of every certificate that was ever revoked, newest first. */
export async function readRevoked(manager: EntityManager): Promise<string[]> {
  const rows = await manager.find(CutRow, { order: { issuedAt: 'DESC' } });
  return [...new Set(rows.flatMap(({ revoked }) => revoked ?? []))];
}

/** Later than every statement before it, whatever the clock does. */
export async function nextIssuedAt(manager: EntityManager, now: Date = new Date()): Promise<Date> {
  const newest = await readStanding(manager);
  return new Date(Math.max(now.getTime(), (newest?.issuedAt.getTime() ?? 0) + 1));
}

/** From the commit on every agent on this ledger rests, or works again. */
export async function commitStanding(ledger: DataSource, row: CutRow): Promise<void> {
  crashPoint('before-commit:cut');
  await ledger.manager.insert(CutRow, row);
  crashPoint('after-commit:cut');
}

const Free = z.tuple([z.object({ free: z.coerce.number().nullable() })]);

/** Whether no agent works on this ledger. */
export async function agentRests(manager: EntityManager, ledgerName: string): Promise<boolean> {
  const rows: unknown = await manager.query('SELECT IS_FREE_LOCK(?) AS free', [agentLockName(ledgerName)]);
  return Free.parse(rows)[0].free === 1;
}
