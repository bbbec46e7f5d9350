const READ_MS = 4_000;

/**
 * Words for screen readers. The two live regions stand in `App.svelte` for as long as the page lives; what was said goes
 * after a while, so that nobody who walks through the page comes upon it.
 */
class Announcer {
  polite = $state('');
  assertive = $state('');
  private timer: ReturnType<typeof setTimeout> | undefined;
  private turn = false;

  say(words: string): void {
    this.polite = this.alternate(words);
  }

  /** For what cannot wait: errors, the end of the session. */
  interrupt(words: string): void {
    this.assertive = this.alternate(words);
  }

  // The same words twice are read twice only if the text node changes.
  private alternate(words: string): string {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.polite = '';
      this.assertive = '';
    }, READ_MS);
    this.turn = !this.turn;
    return this.turn ? words : `${words}\u00A0`;
  }
}

export const announcer = new Announcer();
