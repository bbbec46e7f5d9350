import { z } from 'zod';
import { isBehind, type BinlogPosition } from '../openemr/snapshot.js';

const DirtyPlace = z.object({ recordClass: z.string(), file: z.coerce.number(), offset: z.coerce.number() });
export type DirtyPlace = z.infer<typeof DirtyPlace>;
export const DirtyPlaces = z.array(DirtyPlace);

/**
 * Which of a chart's dirty rows, of the classes that were rendered, the snapshot contains. Of a class that became dirty
 * again behind it the feed may have dropped the first of those rows, as one between its oldest and its newest: the place
 * right behind the snapshot stands for it (`fresh`), and the chart is no more current.
 */
export function settleDirty(
  rows: readonly DirtyPlace[],
  snapshot: BinlogPosition,
): { contained: DirtyPlace[]; fresh: DirtyPlace[] } {
  const contained = rows.filter((row) => !isBehind(row, snapshot));
  const again = new Set(rows.filter((row) => isBehind(row, snapshot)).map(({ recordClass }) => recordClass));
  const settled = new Set(contained.map(({ recordClass }) => recordClass));
  const fresh = [...settled]
    .filter((recordClass) => again.has(recordClass))
    .map((recordClass) => ({ recordClass, file: snapshot.file, offset: snapshot.offset + 1 }));
  return { contained, fresh };
}
