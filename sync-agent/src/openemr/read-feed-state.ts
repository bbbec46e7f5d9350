import type { Account, LedgerAddress } from '../config.js';
import { failureCode } from '../failure-code.js';
import { withBinlogFacts } from './binlog-facts.js';
import type { BinlogPosition } from './snapshot.js';

/**
 * Whether the binlog still holds the place that was recorded last: `held` with what lies behind it, `lost` when
 * everything will be read again, `unknown` with a code when the server or its binlog cannot be asked.
 */
export type FeedState =
  | { state: 'held'; filesBehind: number; bytesBehindInFile: number | null }
  | { state: 'lost' }
  | { state: 'unknown'; code: string };

export async function readFeedState(
  address: LedgerAddress,
  feed: Account,
  recorded: BinlogPosition,
): Promise<FeedState> {
  try {
    return await withBinlogFacts(address, feed, async (facts) =>
      (await facts.holds(recorded, null))
        ? {
            state: 'held',
            filesBehind: facts.end.file - recorded.file,
            bytesBehindInFile: facts.end.file === recorded.file ? facts.end.offset - recorded.offset : null,
          }
        : { state: 'lost' },
    );
  } catch (failure: unknown) {
    return { state: 'unknown', code: failureCode(failure) };
  }
}
