import { Problem } from '../problems/problem.js';

/** Name or password is wrong; which one is not said, and an unknown name costs the same work. */
export class SignInFailed extends Problem {
  readonly code = 'sign-in-failed';
  readonly status = 401;
  readonly title = 'The name or the password is not right.';
  readonly level = 'info';
}

/**
 * The inside ended the account: in OpenEMR the portal is no longer allowed for the patient, or staff ended the access. Told
 * only to who knows the password. The way back is a new invite.
 */
export class AccessEnded extends Problem {
  readonly code = 'access-ended';
  readonly status = 403;
  readonly title = 'The practice has ended this access to the portal.';
  readonly level = 'info';
}

/** The code of the authenticator app is wrong, too old, or was used before. */
export class CodeRefused extends Problem {
  readonly code = 'code-refused';
  readonly status = 401;
  readonly title = 'The code is not right or was used before.';
  readonly level = 'info';
}

/** The password step is too long ago, or its codes are used up. Sign-in starts again. */
export class SignInExpired extends Problem {
  readonly code = 'sign-in-expired';
  readonly status = 401;
  readonly title = 'Please start signing in again.';
  readonly level = 'debug';
}
