import type { DataSource } from 'typeorm';
import { BEGIN_AN_ERA } from '../ledger/stand-still.js';
import { countUnknownDeliveries, readLostDeliveries } from '../openemr/compare-deliveries.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';

/** So many of the newest deliveries are compared: a restore loses the newest first. */
const NEWEST = 200;

const LEDGER_BEHIND = `the ledger is behind OpenEMR, which holds messages that this ledger does not know to have delivered: the ledger was restored from a backup. ${BEGIN_AN_ERA}`;
const OPENEMR_BEHIND = `OpenEMR is behind the ledger and lacks messages that were delivered: its database was restored from a backup. ${BEGIN_AN_ERA}`;

/**
 * The restore markers: every delivery stands in both databases, by one transaction. A ledger and an OpenEMR of different
 * times do not agree about the newest ones. @returns which side is behind, in one sentence; null when they agree
 */
export async function findRestore(
  ledger: Pick<DataSource, 'query'>,
  tables: OpenEmrTables,
  resourceIdKey: Uint8Array,
): Promise<string | null> {
  const { lost } = await readLostDeliveries(ledger, tables, resourceIdKey, {
    before: Number.MAX_SAFE_INTEGER,
    newest: NEWEST,
  });
  if (lost.length > 0) {
    return OPENEMR_BEHIND;
  }
  return (await countUnknownDeliveries(ledger, tables, NEWEST)) > 0 ? LEDGER_BEHIND : null;
}
