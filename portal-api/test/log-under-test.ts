import { expect } from '@jest/globals';
import type { DestinationStream } from 'pino';

/** What a terminal or an editor obeys instead of showing it, beside the line end itself. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];

/** Takes the lines of a process's log and says whether they are what a log may hold. */
export class LogUnderTest implements DestinationStream {
  private readonly written: string[] = [];
  private readonly parsed: Record<string, unknown>[] = [];

  write(line: string): void {
    this.written.push(line);
  }

  get text(): string {
    return this.written.join('');
  }

  /** Every entry, each of which was exactly one well-formed line without anything that a terminal obeys. */
  entries(name: string): Record<string, unknown>[] {
    for (const line of this.written.slice(this.parsed.length)) {
      expect(line.endsWith('\n')).toBe(true);
      const text = line.slice(0, -1);
      expect([text, OBEYED.test(text)]).toEqual([text, false]);
      const entry = JSON.parse(text) as Record<string, unknown>;
      expect(entry).toMatchObject({ name, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) });
      expect(LEVELS).toContain(entry['level']);
      this.parsed.push(entry);
    }
    return this.parsed;
  }

  /** Canaries that stand in the log, as they are or as JSON, a URL or base64 would write them. */
  found(canaries: readonly string[]): string[] {
    const { text } = this;
    return canaries.filter((canary) =>
      [
        canary,
        JSON.stringify(canary).slice(1, -1),
        encodeURIComponent(canary),
        Buffer.from(canary).toString('base64').replace(/=+$/, ''),
        Buffer.from(canary).toString('hex'),
      ].some((form) => text.includes(form)),
    );
  }
}

/** What an attacker would write into a log, each a value of its own. */
export const INJECTIONS = {
  'a forged line': 'x\r\n{"level":"info","name":"portal-api","msg":"forged"}\r\n',
  'ANSI escapes': '\u001b[2J\u001b[31mred\u001b]0;title\u0007',
  'C1 controls': '\u009b31m\u0085\u0090',
  'bidirectional characters': 'abc\u202edcba\u2066x\u2069\u200f',
  'line separators': 'x\u2028y\u2029z',
  'a forged entry': '","level":"fatal","msg":"forged',
  'a prototype': '__proto__',
  'nothing visible': '\u0000\u0008\u007f\u200b\ufeff',
  'a long value': 'A'.repeat(1_500),
} as const;
