import type { TotpSetupView } from 'portal-api/http';

export const PASSWORD_CHARACTERS = 12;

/** What the person types on the way to an account; in memory only, gone when the account is made or the page left. */
export class JoinForm {
  code = $state('');
  name = $state('');
  password = $state('');
  dateOfBirth = $state('');
  totp = $state.raw<TotpSetupView | null>(null);
  totpCode = $state('');

  clear(): void {
    this.code = '';
    this.name = '';
    this.password = '';
    this.dateOfBirth = '';
    this.totp = null;
    this.totpCode = '';
  }
}
