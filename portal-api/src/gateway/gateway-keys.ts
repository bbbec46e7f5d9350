import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Eras } from 'sync-contract/era-statement';
import { Keyring } from 'sync-contract/key-statement';
import { Signed, StatementRefused, type VerifyingKey } from 'sync-contract/signed';
import { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { GatewayConfig } from '../gateway-config.js';

/**
 * The agent's keys and the eras as the pinned root vouches for them. The gateway stores no statement that does not verify, and
 * believes none from the table either: portal-api checks again, so this is for clear errors, not for safety.
 */
@Injectable()
export class GatewayKeys implements OnModuleInit {
  private readonly logger = new Logger(GatewayKeys.name);
  private readonly keyring: Keyring;
  private readonly begun: Eras;

  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditService,
    private readonly config: GatewayConfig,
  ) {
    this.keyring = new Keyring(config.rootPublicKey, config.siteId);
    this.begun = new Eras(config.rootPublicKey, config.siteId);
  }

  async onModuleInit(): Promise<void> {
    const rows = await this.dataSource.query<{ kid: string; signed: string }[]>(
      'SELECT kid, signed FROM key_statement',
    );
    for (const row of rows) {
      try {
        this.keyring.add(Signed.parse(JSON.parse(row.signed)));
      } catch {
        this.logger.error(`the stored key statement ${row.kid} does not verify and is ignored`);
      }
    }
    await this.eras();
  }

  /** Key that the agent signs with, for `verifyStatement`. */
  readonly signer = (kid: string): VerifyingKey | undefined => this.keyring.signer(kid);

  /** @throws StatementRefused */
  assertBegun(era: number): void {
    if (!this.begun.has(era)) {
      throw new StatementRefused('its era was not begun by the root');
    }
  }

  /** The statements of all eras that are stored and verify, in order. */
  async eras(): Promise<Signed[]> {
    const rows = await this.dataSource.query<{ era: number; signed: string }[]>(
      'SELECT era, signed FROM era ORDER BY era',
    );
    return rows.flatMap(({ era, signed: text }) => {
      try {
        const signed = Signed.parse(JSON.parse(text));
        this.begun.add(signed);
        return [signed];
      } catch {
        this.logger.error(`the stored statement of era ${String(era)} does not verify and is ignored`);
        return [];
      }
    });
  }

  /** An era that is here as the root signed it stays as it is. @throws StatementRefused */
  async storeEras(statements: readonly Signed[]): Promise<void> {
    const eras = new Eras(this.config.rootPublicKey, this.config.siteId);
    const byEra = new Map(statements.map((signed) => [eras.add(signed).era, signed]));
    await settleTransaction(this.dataSource, async (manager) => {
      const held = await manager.query<{ era: number; signed: string }[]>('SELECT era, signed FROM era');
      const there = new Map(held.map(({ era, signed }) => [era, signed]));
      for (const [era, signed] of byEra) {
        const text = JSON.stringify(signed);
        if (there.get(era) !== text) {
          await manager.query('INSERT IGNORE INTO era (era, signed) VALUES (?, ?)', [era, text]);
          await manager.query('UPDATE era SET signed = ? WHERE era = ?', [text, era]);
          await this.audit.append(manager, {
            action: 'gateway-eras',
            outcome: 'ok',
            actor: 'agent',
            object: String(era),
          });
        }
      }
      crashPoint('before-commit:gateway-eras');
    });
    crashPoint('after-commit:gateway-eras');
    statements.forEach((signed) => this.begun.add(signed));
  }

  /** Keeps what the root signed, again where the table has something else; all or, when one is refused, none. @throws StatementRefused */
  async store(statements: readonly Signed[]): Promise<void> {
    const byKid = new Map(statements.map((signed) => [this.keyring.add(signed).kid, signed]));
    if (byKid.size === 0) {
      return;
    }
    await this.dataSource.transaction(async (manager) => {
      const held = await manager.query<{ kid: string; signed: string }[]>('SELECT kid, signed FROM key_statement');
      const there = new Set(held.map(({ kid, signed }) => `${kid} ${signed}`));
      const lacking = [...byKid].filter(([kid, signed]) => !there.has(`${kid} ${JSON.stringify(signed)}`));
      for (const [kid, signed] of lacking) {
        await manager.query(
          'INSERT INTO key_statement (kid, signed) VALUES (?, ?) ON DUPLICATE KEY UPDATE signed = VALUES(signed)',
          [kid, JSON.stringify(signed)],
        );
      }
      if (lacking.length > 0) {
        await this.audit.append(
          manager,
          ...lacking.map(([kid]) => ({
            action: 'gateway-keys' as const,
            outcome: 'ok' as const,
            actor: 'agent',
            object: kid,
          })),
        );
      }
      crashPoint('before-commit:gateway-keys');
    });
    crashPoint('after-commit:gateway-keys');
  }
}
