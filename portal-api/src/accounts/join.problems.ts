import { Problem, type FieldError } from '../problems/problem.js';

/** Length, symbol or check symbol of the invite code is wrong. Costs no try. */
export class InviteMistyped extends Problem {
  readonly code = 'invite-mistyped';
  readonly status = 422;
  readonly title = 'This is not a complete invite code. Please compare it with your letter.';
  readonly level = 'debug';
}

/** No invite has this code. */
export class InviteUnknown extends Problem {
  readonly code = 'invite-unknown';
  readonly status = 404;
  readonly title = 'The practice has no invite with this code.';
  readonly level = 'info';
}

/** The invite made an account already, or the practice withdrew it. */
export class InviteUsed extends Problem {
  readonly code = 'invite-used';
  readonly status = 410;
  readonly title = 'This invite was used before.';
  readonly level = 'info';
}

/** The invite's 72 hours are over; the practice issues a new one. */
export class InviteExpired extends Problem {
  readonly code = 'invite-expired';
  readonly status = 410;
  readonly title = 'This invite has expired. Please ask the practice for a new one.';
  readonly level = 'info';
}

/** The sign-in name cannot be used as it stands. */
export class NameRefused extends Problem {
  readonly code = 'name-refused';
  readonly status = 422;
  readonly title = 'This sign-in name cannot be used.';
  readonly level = 'debug';
  constructor(override readonly errors: FieldError[]) {
    super();
  }
}

/** Another account has this name. Said only to holders of an open invite. */
export class NameTaken extends Problem {
  readonly code = 'name-taken';
  readonly status = 409;
  readonly title = 'Please choose another sign-in name.';
  readonly level = 'info';
}

/** The password is too short, too long, known from break-ins, or made of the person's name. */
export class PasswordRefused extends Problem {
  readonly code = 'password-refused';
  readonly status = 422;
  readonly title = 'Please choose another password.';
  readonly level = 'debug';
  override readonly errors: FieldError[];
  constructor(message: string) {
    super();
    this.errors = [{ path: 'password', message }];
  }
}

/** The set-up of the authenticator is older than 30 minutes or for another name. */
export class TotpSetupExpired extends Problem {
  readonly code = 'totp-setup-expired';
  readonly status = 422;
  readonly title = 'Please set up your authenticator app again.';
  readonly level = 'debug';
}

/** The first code of the authenticator app is wrong. */
export class TotpRefused extends Problem {
  readonly code = 'totp-refused';
  readonly status = 422;
  readonly title = 'The code of the authenticator app is not right.';
  readonly level = 'info';
}

/** The inside has not asked for another date of birth, or no try is left. */
export class DateOfBirthNotAsked extends Problem {
  readonly code = 'date-of-birth-not-asked';
  readonly status = 409;
  readonly title = 'The practice is not waiting for a date of birth.';
  readonly level = 'info';
}
