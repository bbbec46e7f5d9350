/** What a comparison can find. The words are labels of metrics and stand in the daily statement. */
export const DIFFERENCES = [
  'chart-missing',
  'chart-changed',
  'chart-superfluous',
  'section-missing',
  'section-changed',
  'section-superfluous',
  'grant-missing',
  'grant-changed',
  'grant-superfluous',
  // bytes of documents
  'document-missing',
  'document-changed',
  'document-superfluous',
  // accepted by the DMZ and gone from its outbox before it was collected
  'submission-lost',
  'stream-gap',
  // OpenEMR read again gives something else than what was sealed last
  'content-changed',
  // OpenEMR's record had ended or frozen a patient's access, and the change feed had not said so
  'patient-in-doubt',
] as const;
export type Difference = (typeof DIFFERENCES)[number];

export type Found = Partial<Record<Difference, number>>;

/** Counts of one comparison. */
export class Tally {
  charts = 0;
  sections = 0;
  /** charts that were on their way just then, or could not be read */
  skipped = 0;
  readonly found: Found;

  constructor(soFar: Found = {}) {
    this.found = { ...soFar };
  }

  count(difference: Difference, times = 1): void {
    if (times > 0) {
      this.found[difference] = (this.found[difference] ?? 0) + times;
    }
  }

  get differences(): number {
    return Object.values(this.found).reduce((sum, number) => sum + number, 0);
  }
}
