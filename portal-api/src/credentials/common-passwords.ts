import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const LIST = new URL('../../data/common-passwords.txt.gz', import.meta.url);

/** Fewest characters of a list entry that counts as a part: shorter ones stand inside too many good passwords. */
const PART = 3;

const LOOKALIKES: Record<string, string> = {
  '0': 'o',
  '1': 'l',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

/**
 * The passwords that guessers try first, from a list that ships with the portal, so that no password leaves the
 * process. The list's entries are mostly shorter than the shortest password accepted here; what people make of them
 * to reach the length is refused with them: an entry with digits or signs around it, repeated, or joined with another.
 */
export class CommonPasswords {
  private constructor(private readonly entries: ReadonlySet<string>) {}

  static load(): CommonPasswords {
    return CommonPasswords.of(gunzipSync(readFileSync(LIST)).toString('utf8').split('\n'));
  }

  static of(lines: readonly string[]): CommonPasswords {
    return new CommonPasswords(new Set(lines.filter((line) => line.length >= PART).map((line) => line.toLowerCase())));
  }

  get size(): number {
    return this.entries.size;
  }

  readonly has = (password: string): boolean => {
    const folded = password.toLowerCase();
    return [folded, withoutLookalikes(folded)].some((form) => this.isMadeOfEntries(form));
  };

  private isMadeOfEntries(form: string): boolean {
    const letters = form.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
    return [form, letters].some((text) => this.entries.has(text) || this.isJoined(text)) || this.isRepeated(form);
  }

  /** Two entries side by side. */
  private isJoined(text: string): boolean {
    for (let cut = PART; cut <= text.length - PART; cut += 1) {
      if (this.entries.has(text.slice(0, cut)) && this.entries.has(text.slice(cut))) {
        return true;
      }
    }
    return false;
  }

  /** One unit of up to eight characters over and over, whether it is an entry or not. */
  private isRepeated(text: string): boolean {
    for (let unit = 1; unit <= Math.min(8, text.length / 2); unit += 1) {
      if (
        text ===
        text
          .slice(0, unit)
          .repeat(Math.ceil(text.length / unit))
          .slice(0, text.length)
      ) {
        return true;
      }
    }
    return false;
  }
}

function withoutLookalikes(text: string): string {
  return [...text].map((character) => LOOKALIKES[character] ?? character).join('');
}
