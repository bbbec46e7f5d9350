const SHOWN = 4;
const HIDDEN_AT_LEAST = 3;

/**
 * A member id as it may leave the practice: its last four characters, fewer of a short one, so that three at least stay
 * hidden. The dots say nothing of its length.
 */
export function maskedMemberId(memberId: string): string {
  const characters = [...memberId.replace(/\s/g, '')];
  const shown = Math.max(0, Math.min(SHOWN, characters.length - HIDDEN_AT_LEAST));
  return characters.length === 0 ? '' : `••••${characters.slice(characters.length - shown).join('')}`;
}
