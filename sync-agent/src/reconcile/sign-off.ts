import { userInfo } from 'node:os';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { Digest, Instant, SiteId } from 'sync-contract/identifiers';
import { PROTOCOL_VERSION, ProtocolVersion } from 'sync-contract/protocol';
import { Signed, signStatement, verifyStatement } from 'sync-contract/signed';
import { crashPoint } from '../crash-point.js';
import type { KeyStore } from '../keys/key-store.js';

/** That a person has read a statement. The agent's signature says who ran the command, not more. */
export const SignOff = z.strictObject({
  v: ProtocolVersion,
  site: SiteId,
  /** of the statement, `yyyy-MM-dd` */
  day: z.string(),
  /** SHA-256 of the statement's signed text */
  statement: Digest,
  /** OpenEMR's user name */
  by: z.string().min(1).max(255),
  /** account of the agent's host that ran the command */
  operator: z.string().max(64),
  note: z.string().trim().min(1).max(1_000),
  at: Instant,
});
export type SignOff = z.infer<typeof SignOff>;

export interface KeptSignOff {
  signOff: SignOff;
  /** false: the row does not hold what the agent signed */
  genuine: boolean;
}

/** The statement cannot be signed off; the message says why. */
export class SignOffRefused extends Error {
  readonly code = 'sign-off-refused';
  readonly logLevel = 'warn';
}

const Rows = z.array(z.object({ day: z.string(), signed: z.string() }));

/** Adds a sign-off behind those that are there; none is ever changed. */
export async function signOff(
  ledger: DataSource,
  keys: KeyStore,
  { day, hash, by, note }: { day: string; hash: string; by: string; note: string },
): Promise<void> {
  const body = SignOff.safeParse({
    ...{ v: PROTOCOL_VERSION, site: keys.siteId, day, statement: hash, by, note },
    ...{ operator: userInfo().username.slice(0, 64), at: new Date().toISOString() },
  });
  if (!body.success) {
    throw new SignOffRefused('a sign-off needs a note of 1 to 1,000 characters');
  }
  crashPoint('before-commit:signed-off');
  await ledger.query('INSERT INTO reconciliation_sign_off (day, signed, made_at) VALUES (?, ?, UTC_TIMESTAMP(3))', [
    day,
    JSON.stringify(signStatement('reconciliation', body.data, keys.signing)),
  ]);
  crashPoint('after-commit:signed-off');
}

/** Of the statements of these days, in the order in which they were made. */
export async function readSignOffs(
  manager: EntityManager,
  keys: KeyStore,
  days: readonly string[],
): Promise<KeptSignOff[]> {
  const rows: unknown = await manager.query(
    'SELECT day, signed FROM reconciliation_sign_off WHERE day IN (?) ORDER BY id',
    [['', ...days]],
  );
  return Rows.parse(rows).map(({ day, signed: text }) => {
    const signed = Signed.parse(JSON.parse(text));
    const found = SignOff.parse(JSON.parse(signed.body));
    return { signOff: found, genuine: found.day === day && isGenuine(signed, found, keys) };
  });
}

function isGenuine(signed: Signed, { at, site }: SignOff, keys: KeyStore): boolean {
  try {
    verifyStatement('reconciliation', signed, SignOff, (kid) => keys.signer(kid, new Date(at)));
    return site === keys.siteId;
  } catch {
    return false;
  }
}
