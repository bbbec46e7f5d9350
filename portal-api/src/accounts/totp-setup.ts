import { hkdfSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { openAead, sealAead } from 'sync-contract/aead';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { Instant } from 'sync-contract/identifiers';
import { z } from 'zod';
import { PortalConfig } from '../config.js';
import type { TotpSetupView } from '../http.js';
import { nameIndex, type SignInName } from '../credentials/sign-in-name.js';
import { newTotpSecret, totpQrCode, totpUri } from '../credentials/totp.js';
import { TotpSetupExpired } from './join.problems.js';

const VALID_MS = 30 * 60_000;

const Setup = z.strictObject({ secret: z.string(), expiresAt: Instant });

/**
 * The authenticator is set up before there is an account: the secret travels with the person as a sealed token, and
 * nothing is stored until the whole form is right. The token is good for one name and 30 minutes.
 */
@Injectable()
export class TotpSetups {
  private readonly key: Buffer;

  constructor(private readonly config: PortalConfig) {
    this.key = Buffer.from(hkdfSync('sha256', config.pepper, Buffer.alloc(0), 'oe-portal|totp-setup', 32));
  }

  async start(name: SignInName): Promise<TotpSetupView> {
    const secret = newTotpSecret();
    const token: z.infer<typeof Setup> = { secret, expiresAt: new Date(Date.now() + VALID_MS).toISOString() };
    const uri = totpUri(secret, this.config.practice.name, name);
    return {
      setup: sealAead(this.key, canonicalBytes(token), this.aad(name)).toString('base64url'),
      secret,
      uri,
      qrSvg: await totpQrCode(uri),
    };
  }

  /** The secret in a token. @throws TotpSetupExpired */
  open(name: SignInName, setup: string): string {
    try {
      const token = Setup.parse(
        JSON.parse(openAead(this.key, Buffer.from(setup, 'base64url'), this.aad(name)).toString()),
      );
      if (token.expiresAt > new Date().toISOString()) {
        return token.secret;
      }
    } catch {
      // a token of another name, of another installation, or no token at all
    }
    throw new TotpSetupExpired();
  }

  private aad(name: SignInName): Buffer {
    return canonicalBytes({ use: 'totp-setup', nameIndex: nameIndex(this.config.blindIndexKey, name) });
  }
}
