import type { RecordClass } from 'sync-contract/classes';
import { READABLE_CLASSES } from '../openemr/read-chart.js';

/** Losses of so long count together, minutes. */
export const COUNTED = 60;
/** Fewer are an ordinary correction, however small the practice. */
const FEWEST = 100;
/** One in so many of all entries. */
const SHARE = 100;
/** A chart that loses its last clinical entries and fewer than so many loses one that was wrong, or a visit. */
const FEWEST_OF_CHART = 5;
/** The same of one class, where a panel that was filed wrongly is many entries, and of one visit, which is in several. */
const FEWEST_AT_ONCE = 30;
/** Charts whose last entries of one class go: in fewer they happen to be wrong at the same time. */
const FEWEST_CHARTS = 3;
/** The same of what the practice itself removes every day. */
const FEWEST_CHARTS_OF_OFFICE = 5;
/** One in so many of the charts that have the class. */
const SHARE_OF_CHARTS = 100;
/** Appointments leave their section when a year is over, those of many charts on the same first of a month. */
const SHARE_OF_AGEING = 2;
const AGEING: RecordClass = 'appointments';
/** Who the patient is, when, where and at what cost he is seen, and what was written: there without any care. */
const NOT_CLINICAL: readonly RecordClass[] = ['profile', 'coverage', 'appointments', 'billing', 'messages', 'practice'];
export const CLINICAL: readonly string[] = READABLE_CLASSES.filter(
  (recordClass) => !NOT_CLINICAL.includes(recordClass),
);
const OF_OFFICE: readonly string[] = [...NOT_CLINICAL, 'documents'];
/** What goes with a visit that is deleted. Each repeats the people and places of it. */
const OF_VISIT: readonly string[] = [
  'encounters',
  'vitals',
  'notes',
  'assessments',
  'care-plan',
  'goals',
  'procedures',
  'reports',
] satisfies RecordClass[];

export interface Counted {
  recordClass: string;
  entries: number;
}

export interface LossOfClass extends Counted {
  /** nothing of the class is left */
  emptied: boolean;
}

/** Whether so many entries of all are more than corrections take away. @param all those that are lost among them */
export function isTooMuch(lost: number, all: number): boolean {
  return lost >= FEWEST && lost * SHARE > all;
}

/** The same of charts that lose their last entries of a class. @param holding charts that had some */
export function isTooManyCharts(recordClass: string, emptied: number, holding: number): boolean {
  const share = recordClass === AGEING ? SHARE_OF_AGEING : SHARE_OF_CHARTS;
  const fewest = OF_OFFICE.includes(recordClass) ? FEWEST_CHARTS_OF_OFFICE : FEWEST_CHARTS;
  return emptied >= fewest && emptied * share > holding;
}

/** Whether a chart that is left without clinical entries lost more of them than one mistake could have put there. */
export function isMoreThanAMistake(lost: readonly Counted[]): boolean {
  const clinical = lost.filter(isClinical);
  const names = new Set(clinical.map(({ recordClass }) => recordClass));
  const atOnce = names.size === 1 || [...names].every((name) => OF_VISIT.includes(name));
  return sum(clinical) >= (atOnce ? FEWEST_AT_ONCE : FEWEST_OF_CHART);
}

/** By the class, not by the section: a result that moves to another year has not vanished. */
export function lossesByClass(before: readonly Counted[], after: readonly Counted[]): LossOfClass[] {
  const left = Map.groupBy(after, ({ recordClass }) => recordClass);
  return [...Map.groupBy(before, ({ recordClass }) => recordClass)]
    .map(([recordClass, had]) => {
      const still = sum(left.get(recordClass) ?? []);
      return { recordClass, entries: sum(had) - still, emptied: still === 0 };
    })
    .filter(({ entries }) => entries > 0);
}

export function isClinical({ recordClass }: Pick<Counted, 'recordClass'>): boolean {
  return CLINICAL.includes(recordClass);
}

export function sum(counted: readonly Counted[]): number {
  return counted.reduce((total, { entries }) => total + entries, 0);
}
