import { z } from 'zod';
import { Base64Url, Instant, Kid, SiteId } from './identifiers.js';
import { ProtocolVersion } from './protocol.js';
import { StatementRefused, verifyStatement, verifyingKey, type Signed, type VerifyingKey } from './signed.js';

/** Root's word for one key of the agent: `sign` is Ed25519, `seal` is X25519. Public halves are raw base64url. */
export const KeyStatement = z.strictObject({
  v: ProtocolVersion,
  site: SiteId,
  kid: Kid,
  use: z.enum(['sign', 'seal']),
  publicKey: Base64Url.length(43),
  notBefore: Instant,
  notAfter: Instant,
});
export type KeyStatement = z.infer<typeof KeyStatement>;

/**
 * The agent's keys as far as the pinned root vouches for them. A database writer can withhold statements but cannot
 * add one.
 */
export class Keyring {
  private readonly statements = new Map<string, KeyStatement>();
  private readonly root: VerifyingKey;

  constructor(
    rootPublicKey: Uint8Array,
    private readonly site: string,
  ) {
    this.root = verifyingKey(rootPublicKey);
  }

  /** @throws StatementRefused for another signer, site or shape */
  add(signed: Signed): KeyStatement {
    const statement = verifyStatement('key-statement', signed, KeyStatement, (kid) =>
      kid === this.root.kid ? this.root : undefined,
    );
    if (statement.site !== this.site) {
      throw new StatementRefused('it is of another site');
    }
    this.statements.set(statement.kid, statement);
    return statement;
  }

  /** Verifying key for statements of the agent, valid at `now`. */
  signer(kid: string, now: Date = new Date()): VerifyingKey | undefined {
    const statement = this.statements.get(kid);
    return statement?.use === 'sign' && inForce(statement, now)
      ? verifyingKey(Buffer.from(statement.publicKey, 'base64url'))
      : undefined;
  }

  /** The sealing key to use now: the one in force that began last. */
  sealingKey(now: Date = new Date()): { kid: string; publicKey: Buffer } | undefined {
    const [newest] = [...this.statements.values()]
      .filter((statement) => statement.use === 'seal' && inForce(statement, now))
      .sort((a, b) => b.notBefore.localeCompare(a.notBefore));
    return newest && { kid: newest.kid, publicKey: Buffer.from(newest.publicKey, 'base64url') };
  }
}

function inForce(statement: KeyStatement, now: Date): boolean {
  const at = now.toISOString();
  return statement.notBefore <= at && at < statement.notAfter;
}
