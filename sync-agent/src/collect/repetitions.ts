/**
 * How many items that the ledger knows are work like new ones. An honest DMZ offers each of them once more after a
 * restore, so as many count, in the life of a process, as the ledger had when the first came again; a gateway that
 * repeats more than that is answered with growing rests.
 */
export class Repetitions {
  private left: number | undefined;

  /** @param countKnown submissions in the ledger */
  constructor(private readonly countKnown: () => Promise<number>) {}

  /** @returns so many of these count as work */
  async asWork(known: number): Promise<number> {
    if (known === 0) {
      return 0;
    }
    this.left ??= await this.countKnown();
    const work = Math.min(known, this.left);
    this.left -= work;
    return work;
  }
}
