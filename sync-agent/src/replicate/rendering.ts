import type { RecordClass } from 'sync-contract/classes';
import type { DecisionInForce } from '../chart/patient-wish.js';
import type { WithheldItem } from '../chart/withhold.js';
import type { Signed } from 'sync-contract/signed';
import type { ChartSource } from '../openemr/read-chart.js';
import type { DocumentFile } from '../openemr/read-documents.js';
import type { BinlogPosition } from '../openemr/snapshot.js';
import type { AckedSection, ChartToRender } from './chart-row.js';
import type { NewSection } from './seal-chart.js';

/** What a snapshot gave. */
export interface Rendering {
  chart: ChartToRender;
  classes: readonly RecordClass[];
  /** classes that were read and have a section that cannot be sealed */
  large: readonly RecordClass[];
  /** those that the chart is without until they can go out again: what they showed last may not be shown any more */
  withdrawn: readonly RecordClass[];
  sections: NewSection[];
  sources: ChartSource[];
  /** of the snapshot; null when no class of OpenEMR was asked for */
  position: BinlogPosition | null;
  /** why a class that was asked for is not among `classes`; null when all are */
  failure: Error | null;
  /** bytes that the list of documents names, none while it is withdrawn; null when it stays as it was */
  files: readonly DocumentFile[] | null;
  /** whether that list offers C-CDAs, or says that decisions hold them back */
  offersCcd: boolean;
  /** submissions the sections contain */
  contained: ReadonlySet<string>;
  /** about release, as they were in force when the sections were rendered; null when nothing was rendered */
  decisions: readonly DecisionInForce[] | null;
  /** entries that the sections are without; null when none of their classes was rendered */
  withheld: readonly WithheldItem[] | null;
}

/** Result of a push that the gateway acknowledged. */
export interface AckedPush {
  manifest: Signed;
  hash: string;
  seq: number;
  /** all sections of the manifest */
  sections: readonly AckedSection[];
  settles: readonly string[];
  /** nothing of this render is left to be pushed */
  last: boolean;
  /** the manifest marks the chart as frozen */
  frozen: boolean;
}
