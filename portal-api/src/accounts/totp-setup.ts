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
import { ThrottleService } from '../throttle/throttle.service.js';
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

  constructor(
    private readonly config: PortalConfig,
    private readonly throttle: ThrottleService,
  ) {
    this.key = Buffer.from(hkdfSync('sha256', config.pepper, Buffer.alloc(0), 'oe-portal|totp-setup', 32));
  }

  /** Work that anybody may ask for: counts as a failed try of the address until it is used. @throws TooManyTries */
  async start(name: SignInName, ip: string): Promise<TotpSetupView> {
    await this.throttle.spend(this.throttle.bucket('address', ip));
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

  /** A person has come as far as a right code: the address gets the set-up's try back. */
  async used(ip: string): Promise<void> {
    await this.throttle.succeeded({ counted: [this.throttle.bucket('address', ip)] });
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
