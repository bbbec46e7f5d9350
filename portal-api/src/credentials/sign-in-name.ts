import { createHmac } from 'node:crypto';
import { z } from 'zod';

// Letters, digits, and what e-mail addresses use; spaces and controls would make two names look alike.
const ALLOWED = /^[\p{L}\p{N}._%+@'-]+$/u;

/** What a person signs in with: a user name or an e-mail address, compared without regard to case or Unicode form. */
export const SignInName = z
  .string()
  .max(1_000)
  .transform((name) => name.normalize('NFKC').trim().toLowerCase().normalize('NFKC'))
  .pipe(
    z
      .string()
      .min(3, 'must have at least 3 characters')
      .max(254, 'must have at most 254 characters')
      .regex(ALLOWED, 'may have letters, digits and . _ % + @ - only'),
  );
export type SignInName = z.infer<typeof SignInName>;

/** How the database knows a name: HMAC under a key outside the database, 16 bytes, hex. */
export function nameIndex(blindIndexKey: Uint8Array, name: SignInName): string {
  return createHmac('sha256', blindIndexKey).update(`sign-in-name|${name}`, 'utf8').digest('hex').slice(0, 32);
}
