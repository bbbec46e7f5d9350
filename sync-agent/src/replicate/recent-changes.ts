import type { RecordClass } from 'sync-contract/classes';
import type { SourceTransaction } from '../openemr/binlog-stream.js';
import { isBehind, type BinlogPosition } from '../openemr/snapshot.js';

/** Enough for minutes of ordinary traffic; past it a render counts as overtaken by changes it cannot name. */
const LIMIT = 50_000;

interface Seen {
  id: string;
  position: BinlogPosition;
}

/**
 * Rows without a pid that the feed saw while renders are under way. A render's rows become findable in `source_row` only
 * with its last transaction; a change that the feed saw between the render's snapshot and that transaction found nobody.
 * The render looks here, under the lock that also holds the feed back, and marks itself dirty again. A crash loses this
 * list together with the renders it is for.
 */
export class RecentChanges {
  private readonly seen: Seen[] = [];
  private renders = 0;
  private overflowedAt: BinlogPosition | null = null;

  /** From before the snapshot until the render is over. */
  watch(): Disposable {
    this.renders += 1;
    return {
      [Symbol.dispose]: () => {
        this.renders -= 1;
        if (this.renders === 0) {
          this.forget();
        }
      },
    };
  }

  /** Positions begin anew; renders of before do not settle by theirs. */
  forget(): void {
    this.seen.length = 0;
    this.overflowedAt = null;
  }

  /** Called by the feed before it looks for users of these rows. */
  note(batch: readonly SourceTransaction[]): void {
    if (this.renders === 0) {
      return;
    }
    for (const { changes, position } of batch) {
      for (const [id, { parents }] of changes.keyed) {
        this.seen.push({ id, position });
        // A new row is nobody's source yet; the row it belongs to may be.
        for (const { table, key } of parents) {
          this.seen.push({ id: `${table} ${key}`, position });
        }
      }
    }
    if (this.seen.length > LIMIT) {
      this.overflowedAt = this.seen.at(-1)?.position ?? null;
      this.seen.length = 0;
    }
  }

  /**
   * Changes behind the snapshot of rows that the render used: what it has to be marked dirty with. The place right behind
   * the snapshot stands for those that were not kept: the first of them may be anywhere behind it.
   */
  behind(
    snapshot: BinlogPosition,
    sources: readonly { table: string; key: string; classes: readonly RecordClass[] }[],
    classes: readonly RecordClass[],
  ): { recordClass: RecordClass; position: BinlogPosition }[] {
    const { overflowedAt } = this;
    if (overflowedAt !== null && isBehind(overflowedAt, snapshot)) {
      const position = { file: snapshot.file, offset: snapshot.offset + 1 };
      return classes.map((recordClass) => ({ recordClass, position }));
    }
    const used = new Map(sources.map((source) => [`${source.table} ${source.key}`, source.classes]));
    return this.seen
      .filter(({ position }) => isBehind(position, snapshot))
      .flatMap(({ id, position }) => (used.get(id) ?? []).map((recordClass) => ({ recordClass, position })));
  }
}
