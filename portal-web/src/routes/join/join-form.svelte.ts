import type { TotpSetupView } from 'portal-api/http';

export const PASSWORD_CHARACTERS = { min: 12, max: 256 } as const;

/** As the server has it: letters, digits, and what e-mail addresses use. */
const NAME = /^[\p{L}\p{N}._%+@'-]{3,254}$/u;

export function isSignInName(typed: string): boolean {
  return NAME.test(typed.normalize('NFKC').trim().toLowerCase().normalize('NFKC'));
}

/** Characters as the server counts them. */
export function passwordLength(typed: string): number {
  return [...typed.normalize('NFKC')].length;
}

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
