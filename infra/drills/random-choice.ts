/** Deterministic random numbers, so that a drill can be repeated with the seed it printed (mulberry32). */
export class RandomChoice {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Its own sequence for work that runs beside this one, so that their turns do not mix. */
  split(): RandomChoice {
    return new RandomChoice(this.below(2 ** 31));
  }

  /** Whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** One of the elements. @throws RangeError when there is none */
  of<T>(elements: readonly T[]): T {
    const element = elements[this.below(elements.length)];
    if (element === undefined) {
      throw new RangeError('nothing to choose from');
    }
    return element;
  }

  shuffled<T>(elements: readonly T[]): T[] {
    const copy = [...elements];
    for (let last = copy.length - 1; last > 0; last -= 1) {
      const other = this.below(last + 1);
      [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
    }
    return copy;
  }
}
