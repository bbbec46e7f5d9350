import type { ServerResponse } from 'node:http';

const codes = new WeakMap<ServerResponse, string>();

/** A filter says which problem it answered with; log and metrics of the answer name it. */
export function noteProblem(response: ServerResponse, code: string): void {
  codes.set(response, code);
}

export function notedProblem(response: ServerResponse): string | undefined {
  return codes.get(response);
}
