import { newHpkeKeyPair, type HpkeKeyPair } from 'sync-contract/hpke';
import { newRef } from 'sync-contract/identifiers';
import { inviteProof, parseInviteCode } from 'sync-contract/invite';
import type { EnrolmentPayload } from 'sync-contract/submission';

export interface Acceptance {
  payload: EnrolmentPayload;
  accountKeys: HpkeKeyPair;
}

/** What portal-api sends when somebody accepts an invite. */
export async function acceptedInvite(
  site: string,
  code: string,
  dateOfBirth: string,
  account: { accountRef?: string; accountKeys?: HpkeKeyPair } = {},
): Promise<Acceptance> {
  const { inviteId, secret } = parseInviteCode(code);
  const accountRef = account.accountRef ?? newRef();
  const accountKeys = account.accountKeys ?? (await newHpkeKeyPair());
  const publicKey = accountKeys.publicKey.toString('base64url');
  const proof = inviteProof(secret, { site, inviteId, accountRef, publicKey });
  return { payload: { inviteId, accountRef, publicKey, proof, dateOfBirth }, accountKeys };
}
