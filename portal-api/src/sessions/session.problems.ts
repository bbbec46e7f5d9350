import { Problem } from '../problems/problem.js';

/** The grant on this chart does not allow this act. The practice decides scopes. */
export class ScopeMissing extends Problem {
  readonly code = 'scope-missing';
  readonly status = 403;
  readonly title = 'Your access to this chart does not include this.';
  readonly level = 'info';
}
