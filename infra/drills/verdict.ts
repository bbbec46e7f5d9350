/** What a drill or a bench ends with: one line of JSON, the last of its output. */
export interface Verdict {
  name: string;
  parameters: Record<string, string | number | boolean>;
  figures: Record<string, unknown>;
  aim: string;
  met: boolean;
}

export function printVerdict(verdict: Verdict): void {
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
