import type { ProblemCode, ProblemView } from '../http.js';

export type ProblemLevel = 'debug' | 'info' | 'warn' | 'error';

export interface FieldError {
  path: string;
  message: string;
}

/**
 * A failure with an answer. Code, status, title and log level are fixed by the class; the thrower decides neither how
 * loud it is nor what the browser reads. Nothing that was sent may stand in it.
 */
export abstract class Problem extends Error {
  abstract readonly code: ProblemCode;
  abstract readonly status: number;
  abstract readonly title: string;
  abstract readonly level: ProblemLevel;
  readonly detail: string | undefined = undefined;
  readonly errors: FieldError[] | undefined = undefined;
  /** seconds; becomes `Retry-After` */
  readonly retryAfter: number | undefined = undefined;

  override get message(): string {
    return this.title;
  }

  toView(): ProblemView {
    return {
      type: `urn:oe-portal:problem:${this.code}`,
      title: this.title,
      status: this.status,
      code: this.code,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...(this.errors === undefined ? {} : { errors: this.errors }),
    };
  }
}
