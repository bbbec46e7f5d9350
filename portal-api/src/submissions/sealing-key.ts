import { Logger } from '@nestjs/common';
import { Keyring } from 'sync-contract/key-statement';
import { Signed } from 'sync-contract/signed';
import type { EntityManager } from 'typeorm';
import type { PortalConfig } from '../config.js';
import { ClinicKeysMissing } from './submission.problems.js';

/**
 * The inside's sealing key of this moment, as the pinned root vouches for it. Read in the caller's own transaction: a
 * second connection taken inside of one could starve the pool.
 * @throws ClinicKeysMissing
 */
export async function sealingKey(
  manager: EntityManager,
  config: Pick<PortalConfig, 'rootPublicKey' | 'siteId'>,
): Promise<{ kid: string; publicKey: Buffer }> {
  const keyring = new Keyring(config.rootPublicKey, config.siteId);
  for (const row of await manager.query<{ kid: string; signed: string }[]>('SELECT kid, signed FROM key_statement')) {
    try {
      keyring.add(Signed.parse(JSON.parse(row.signed)));
    } catch {
      new Logger('SealingKey').error(`the stored key statement ${row.kid} does not verify and is ignored`);
    }
  }
  const key = keyring.sealingKey();
  if (key === undefined) {
    throw new ClinicKeysMissing();
  }
  return key;
}
