import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Keyring } from 'sync-contract/key-statement';
import { Signed, StatementRefused, type VerifyingKey } from 'sync-contract/signed';
import { PortalConfig } from '../config.js';

/** A key that is not there is looked for again only after this long, so that junk signatures cost no queries. */
const LOOK_AGAIN_MS = 250;

/** The agent's keys as the pinned root vouches for them. What the table says beside that is ignored. */
@Injectable()
export class KeyringService {
  private readonly logger = new Logger(KeyringService.name);
  private readonly keyring: Keyring;
  private readAt = 0;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    config: PortalConfig,
  ) {
    this.keyring = new Keyring(config.rootPublicKey, config.siteId);
  }

  /** For `verifyStatement`; call `know` with the statement's kid before. */
  readonly signer = (kid: string): VerifyingKey | undefined => this.keyring.signer(kid);

  /** Reads the statements again when a key is not known yet. */
  async know(kid: string): Promise<void> {
    if (this.keyring.signer(kid) === undefined) {
      await this.refresh();
    }
  }

  private async refresh(): Promise<void> {
    if (Date.now() - this.readAt < LOOK_AGAIN_MS) {
      return;
    }
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    await this.reading;
  }

  private async read(): Promise<void> {
    const rows = await this.dataSource.query<{ kid: string; signed: string }[]>(
      'SELECT kid, signed FROM key_statement',
    );
    for (const row of rows) {
      try {
        this.keyring.add(Signed.parse(JSON.parse(row.signed)));
      } catch (error: unknown) {
        const reason = error instanceof StatementRefused ? error.message : 'not a signed statement';
        this.logger.error(`key statement ${row.kid} is ignored: ${reason}`);
      }
    }
    this.readAt = Date.now();
  }
}
