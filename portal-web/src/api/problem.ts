import type { ProblemCode, ProblemView } from 'portal-api/http';

/** The server answered with an RFC 9457 problem. `code` and the reasons of `errors` choose the sentence. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  /** what Retry-After asks for; null without the header */
  readonly retryAfterSeconds: number | null;
  readonly errors: { path: string; message: string }[];

  constructor(view: Pick<ProblemView, 'status' | 'code' | 'errors'>, retryAfterSeconds: number | null) {
    super(view.code);
    this.status = view.status;
    this.code = view.code;
    this.errors = view.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No answer came: whether the request had its effect is not known. */
export class ConnectionLost extends Error {
  readonly code = 'connection-lost';
  constructor() {
    super('connection-lost');
  }
}

/** Asked to wait longer, a person should know and decide. */
const PASSING_SECONDS = 120;

/** Everything the pages have a sentence for. */
export type FailureCode = ProblemCode | 'connection-lost';

export function failureCode(failure: unknown): FailureCode {
  return failure instanceof ApiProblem || failure instanceof ConnectionLost ? failure.code : 'unexpected';
}

/** Why the server refused this field; empty when it named no reason. */
export function fieldReasons(failure: unknown, path: string): string[] {
  return failure instanceof ApiProblem
    ? failure.errors.filter((error) => error.path === path).map(({ message }) => message)
    : [];
}

/** True when the same request may succeed later and the person need not do anything. */
export function isPassing(failure: unknown): boolean {
  return (
    failure instanceof ConnectionLost ||
    (failure instanceof ApiProblem &&
      (failure.status >= 500 || failure.status === 429 || failure.code === 'busy') &&
      (failure.retryAfterSeconds ?? 0) <= PASSING_SECONDS)
  );
}
