import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Eras } from 'sync-contract/era-statement';
import { Keyring } from 'sync-contract/key-statement';
import { Signed, StatementRefused, type VerifyingKey } from 'sync-contract/signed';
import { PortalConfig } from '../config.js';

/** A key that is not there is looked for again only after this long, so that junk signatures cost no queries. */
const LOOK_AGAIN_MS = 250;

/** The agent's keys and the eras as the pinned root vouches for them. What the tables say beside that is ignored. */
@Injectable()
export class KeyringService {
  private readonly logger = new Logger(KeyringService.name);
  private readonly keyring: Keyring;
  private readonly eras: Eras;
  private readAt = 0;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    config: PortalConfig,
  ) {
    this.keyring = new Keyring(config.rootPublicKey, config.siteId);
    this.eras = new Eras(config.rootPublicKey, config.siteId);
  }

  /** For `verifyStatement`; call `know` with the statement's kid before. */
  readonly signer = (kid: string): VerifyingKey | undefined => this.keyring.signer(kid);

  /** Reads the statements again when a key is not known yet. */
  async know(kid: string): Promise<void> {
    if (this.keyring.signer(kid) === undefined) {
      await this.refresh();
    }
  }

  /** What carries an era that the root has not begun is no newer than what it claims to follow. @throws StatementRefused */
  async assertBegun(era: number): Promise<void> {
    if (!this.eras.has(era)) {
      await this.refresh();
    }
    if (!this.eras.has(era)) {
      throw new StatementRefused('its era was not begun by the root');
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
    const keys = await this.dataSource.query<{ kid: string; signed: string }[]>(
      'SELECT kid, signed FROM key_statement',
    );
    for (const { kid, signed } of keys) {
      this.take(`key statement ${kid}`, signed, (statement) => this.keyring.add(statement));
    }
    const eras = await this.dataSource.query<{ era: number; signed: string }[]>('SELECT era, signed FROM era');
    for (const { era, signed } of eras) {
      this.take(`statement of era ${String(era)}`, signed, (statement) => this.eras.add(statement));
    }
    this.readAt = Date.now();
  }

  private take(name: string, text: string, add: (signed: Signed) => unknown): void {
    try {
      add(Signed.parse(JSON.parse(text)));
    } catch (error: unknown) {
      const reason = error instanceof StatementRefused ? error.message : 'not a signed statement';
      this.logger.error(`${name} is ignored: ${reason}`);
    }
  }
}
