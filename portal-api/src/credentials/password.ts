import { z } from 'zod';

export const PASSWORD_CHARACTERS = { min: 12, max: 256 } as const;

/**
 * Form in which a password is set and verified. NFKC at both places, because the same letters arrive in different
 * forms from different keyboards; nothing is trimmed, folded or cut.
 */
export function normalisePassword(typed: string): string {
  return typed.normalize('NFKC');
}

/** Anything a sign-in form may carry; whether it is right is not said here. */
export const TypedPassword = z
  .string()
  .min(1)
  .max(4 * PASSWORD_CHARACTERS.max);

/** Why a password cannot be set, in words for its author; null when it can. */
export function passwordFault(
  password: string,
  context: { name: string; words: readonly string[] },
  isCommon: (password: string) => boolean,
): string | null {
  const normal = normalisePassword(password);
  const length = [...normal].length;
  if (length < PASSWORD_CHARACTERS.min) {
    return `must have at least ${String(PASSWORD_CHARACTERS.min)} characters`;
  }
  if (length > PASSWORD_CHARACTERS.max) {
    return `must have at most ${String(PASSWORD_CHARACTERS.max)} characters`;
  }
  if (!normal.isWellFormed()) {
    return 'contains characters that cannot be typed again';
  }
  if (new Set(normal).size < 5) {
    return 'repeats too few different characters';
  }
  if (isMadeOfContext(normal.toLowerCase(), context)) {
    return 'is too close to your sign-in name or to the name of the practice';
  }
  if (isCommon(normal)) {
    return 'is on the list of passwords that are tried first';
  }
  return null;
}

/** A password that is little more than the name of the person, the practice or the portal. */
function isMadeOfContext(password: string, { name, words }: { name: string; words: readonly string[] }): boolean {
  const parts = [name, ...name.split(/[^\p{L}\p{N}]+/u), ...words.flatMap((word) => word.toLowerCase().split(/\s+/))];
  const known = parts.filter((part) => [...part].length >= 4).sort((a, b) => b.length - a.length);
  const rest = known.reduce((left, part) => left.replaceAll(part, ''), password);
  return rest.length < password.length && [...rest].length < 6;
}
