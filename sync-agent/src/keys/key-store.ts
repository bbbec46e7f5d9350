import { join } from 'node:path';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { openAead, sealAead } from 'sync-contract/aead';
import { Keyring } from 'sync-contract/key-statement';
import type { Signed, SigningKey, VerifyingKey } from 'sync-contract/signed';
import { KEY_FILES, KeysIncomplete, readAgentKeys, type AgentKeys } from './key-files.js';

/** What a wrapped secret is; part of the seal, so that one can never be opened as the other. */
export type WrapPurpose = 'chart-key' | 'content-key' | 'invite-secret';

/** The agent's keys in memory. What is wrapped rests in the ledger; the wrap key is not in the database. */
export class KeyStore {
  private constructor(
    readonly siteId: string,
    private readonly keys: AgentKeys,
    private readonly ring: Keyring,
  ) {}

  /** @throws KeysIncomplete, StatementRefused when a statement is not the root's word for this site */
  static open(dir: string, siteId: string, now: Date = new Date()): KeyStore {
    const keys = readAgentKeys(dir);
    const ring = new Keyring(keys.rootPublicKey, siteId);
    for (const statement of keys.statements) {
      ring.add(statement);
    }
    if (ring.signer(keys.signing.kid, now) === undefined) {
      // Whatever it signed would be refused by the DMZ, late and one by one.
      throw new KeysIncomplete(join(dir, KEY_FILES.sign), 'has no statement of the root that is in force');
    }
    return new KeyStore(siteId, keys, ring);
  }

  /** Our own key of that name, as the root vouched for it at that time. */
  signer(kid: string, at: Date): VerifyingKey | undefined {
    return this.ring.signer(kid, at);
  }

  /** signs manifests, heartbeats, grants */
  get signing(): SigningKey {
    return this.keys.signing;
  }

  /** what the gateway and portal-api verify our keys with */
  get statements(): readonly Signed[] {
    return this.keys.statements;
  }

  get resourceIdKey(): Buffer {
    return this.keys.resourceIdKey;
  }

  /** Private half that opens envelopes sealed to `kid`; undefined when it is not, or no longer, here. */
  sealingPrivateKey(kid: string): Buffer | undefined {
    return this.keys.sealing.get(kid);
  }

  /** @param ref what it belongs to: `<patientRef>|<epoch>` of a chart key, blobId of a document's, inviteId of an invite's secret */
  wrap(purpose: WrapPurpose, ref: string, secret: Uint8Array): Buffer {
    return sealAead(this.keys.wrapKey, secret, this.wrapTerms(purpose, ref));
  }

  /** @throws SealBroken */
  unwrap(purpose: WrapPurpose, ref: string, wrapped: Uint8Array): Buffer {
    return openAead(this.keys.wrapKey, wrapped, this.wrapTerms(purpose, ref));
  }

  wrapChartKey(patientRef: string, epoch: number, chartKey: Uint8Array): Buffer {
    return this.wrap('chart-key', `${patientRef}|${String(epoch)}`, chartKey);
  }

  /** @throws SealBroken */
  unwrapChartKey(patientRef: string, epoch: number, wrapped: Uint8Array): Buffer {
    return this.unwrap('chart-key', `${patientRef}|${String(epoch)}`, wrapped);
  }

  private wrapTerms(purpose: WrapPurpose, ref: string): Buffer {
    return canonicalBytes({ site: this.siteId, purpose, ref });
  }
}
