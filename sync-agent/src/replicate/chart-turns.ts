/** One render of a chart at a time: a chart may be woken twice, urgently and later; the second waits for the first. */
export class ChartTurns {
  private readonly last = new Map<string, Promise<void>>();

  /** charts that are being rendered */
  get size(): number {
    return this.last.size;
  }

  has(patientRef: string): boolean {
    return this.last.has(patientRef);
  }

  /** However the turn before it ended. Rejects as the work does. */
  async turn(patientRef: string, work: () => Promise<void>): Promise<void> {
    const before = this.last.get(patientRef) ?? Promise.resolve();
    const run = before.then(work, work);
    this.last.set(patientRef, run);
    try {
      await run;
    } finally {
      if (this.last.get(patientRef) === run) {
        this.last.delete(patientRef);
      }
    }
  }
}
