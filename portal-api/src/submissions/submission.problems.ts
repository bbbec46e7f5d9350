import { Problem } from '../problems/problem.js';

/** The same idempotency key came with another body. A client's fault: a key belongs to one submission. */
export class IdempotencyConflict extends Problem {
  readonly code = 'idempotency-conflict';
  readonly status = 422;
  readonly title = 'This was already sent with other content.';
  readonly level = 'warn';
}

/** Without a key a repeated request could not be told from a second submission. */
export class IdempotencyKeyMissing extends Problem {
  readonly code = 'idempotency-key-missing';
  readonly status = 400;
  readonly title = 'The request needs an idempotency key of 16 to 64 letters and digits.';
  readonly level = 'info';
}

/** No such thread in this chart. A thread of somebody else answers alike. */
export class ThreadNotFound extends Problem {
  readonly code = 'thread-not-found';
  readonly status = 404;
  readonly title = 'This conversation was not found.';
  readonly level = 'info';
}

/** No key of the inside verifies, so nothing can be sealed to it. Normal only before the agent's first contact. */
export class ClinicKeysMissing extends Problem {
  readonly code = 'clinic-keys-missing';
  readonly status = 503;
  readonly title = 'The portal is not connected to the clinic yet. Please try again later.';
  readonly level = 'error';
  override readonly retryAfter = 60;
}

/** This database comes from a backup, and the inside is telling it how far the streams are: minutes. */
export class ClinicCatchingUp extends Problem {
  readonly code = 'clinic-catching-up';
  readonly status = 503;
  readonly title = 'The portal is being restored. Please try again in a few minutes.';
  readonly level = 'warn';
  override readonly retryAfter = 30;
}

/** The account's daily number of submissions is used up: against floods, far above what a person writes. */
export class TooManySubmissions extends Problem {
  readonly code = 'too-many-tries';
  readonly status = 429;
  readonly title = 'You have sent very many messages today. Please try again tomorrow, or call the clinic.';
  readonly level = 'warn';
  override readonly retryAfter = 3_600;
}
