import { z } from 'zod';
import { Instant, SiteId } from './identifiers.js';
import { PROTOCOL_VERSION, ProtocolVersion } from './protocol.js';
import {
  StatementRefused,
  signStatement,
  verifyStatement,
  verifyingKey,
  type Signed,
  type SigningKey,
  type VerifyingKey,
} from './signed.js';

/** The era every site begins with; it needs no statement. */
export const FIRST_ERA = 1;

/** Root's word that a new era begins: the inside was restored, and what is signed from now on is newer than all before. */
export const EraStatement = z.strictObject({
  v: ProtocolVersion,
  site: SiteId,
  era: z.int().min(FIRST_ERA + 1),
  signedAt: Instant,
});
export type EraStatement = z.infer<typeof EraStatement>;

/** @param root the root's signing key */
export function signEra(site: string, era: number, root: SigningKey, now: Date = new Date()): Signed {
  const statement: EraStatement = { v: PROTOCOL_VERSION, site, era, signedAt: now.toISOString() };
  return signStatement('era', EraStatement.parse(statement), root);
}

/** The eras that the pinned root has begun. A database writer can withhold one but cannot begin one. */
export class Eras {
  private readonly begun = new Set<number>([FIRST_ERA]);
  private readonly root: VerifyingKey;

  constructor(
    rootPublicKey: Uint8Array,
    private readonly site: string,
  ) {
    this.root = verifyingKey(rootPublicKey);
  }

  /** @throws StatementRefused for another signer, site or shape */
  add(signed: Signed): EraStatement {
    const statement = verifyStatement('era', signed, EraStatement, (kid) =>
      kid === this.root.kid ? this.root : undefined,
    );
    if (statement.site !== this.site) {
      throw new StatementRefused('it is of another site');
    }
    this.begun.add(statement.era);
    return statement;
  }

  has(era: number): boolean {
    return this.begun.has(era);
  }

  get highest(): number {
    return Math.max(...this.begun);
  }
}
