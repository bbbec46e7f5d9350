import { Problem, type FieldError } from './problem.js';

/** The body has not the shape this route takes. Normal for a mistyped form; the fields are named, their content is not. */
export class BodyRefused extends Problem {
  readonly code = 'body-refused';
  readonly status = 422;
  readonly title = 'Some fields cannot be accepted.';
  readonly level = 'debug';
  constructor(override readonly errors: FieldError[]) {
    super();
  }
}

/** The body is larger than `LIMITS.publicRequestBytes`. */
export class BodyTooLarge extends Problem {
  readonly code = 'body-too-large';
  readonly status = 413;
  readonly title = 'The request is too large.';
  readonly level = 'info';
}

/** The body is no JSON, nests deeper than `LIMITS.jsonDepth`, or tries to reach an object's prototype. */
export class BodyNotJson extends Problem {
  readonly code = 'body-not-json';
  readonly status = 400;
  readonly title = 'The request is not valid JSON.';
  readonly level = 'info';
}

/**
 * The request does not come from the portal's own page: foreign origin, missing header or token, form encoding.
 * Never normal for the web app; a series of them is an attack or a proxy that drops headers.
 */
export class RequestRefused extends Problem {
  readonly code = 'request-refused';
  readonly status = 403;
  readonly title = 'The request was refused.';
  readonly level = 'warn';
}

/** No such route, or nothing of that name for this session: both look the same on purpose. */
export class NotFound extends Problem {
  readonly code = 'not-found';
  readonly status = 404;
  readonly title = 'Not found.';
  readonly level = 'debug';
}

/** No session, or one that has ended. Normal after the idle time. */
export class SignedOut extends Problem {
  readonly code = 'signed-out';
  readonly status = 401;
  readonly title = 'You are signed out.';
  readonly level = 'debug';
}

/** Another try is allowed after `Retry-After`. */
export class TooManyTries extends Problem {
  readonly code = 'too-many-tries';
  readonly status = 429;
  readonly title = 'Too many tries. Please wait.';
  readonly level = 'info';
  constructor(override readonly retryAfter: number) {
    super();
  }
}

/** More work than the process accepts at once, e.g. password checks. Retry; if it stays, add a process. */
export class Busy extends Problem {
  readonly code = 'busy';
  readonly status = 503;
  readonly title = 'The portal is busy. Please try again in a moment.';
  readonly level = 'warn';
  override readonly retryAfter = 2;
}

/**
 * The disk of the DMZ's database is full, so nothing can be saved, and nothing was. Never normal: free some space on the
 * host; the same request then succeeds.
 */
export class NoRoom extends Problem {
  readonly code = 'no-room';
  readonly status = 507;
  readonly title = 'The portal has no room left to save this. Please try again later or telephone the clinic.';
  readonly level = 'error';
  override readonly retryAfter = 60;
}

/** The inside has cut this DMZ off. It stays so until somebody inside lifts it. */
export class SwitchedOff extends Problem {
  readonly code = 'switched-off';
  readonly status = 503;
  readonly title = 'The clinic has switched the portal off. Please telephone the clinic.';
  readonly level = 'info';
}

/** A failure nobody planned for. The log line of the same request id says where. */
export class Unexpected extends Problem {
  readonly code = 'unexpected';
  readonly status = 500;
  readonly title = 'Something went wrong. Please try again.';
  readonly level = 'error';
}
