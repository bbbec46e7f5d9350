import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Keyring } from 'sync-contract/key-statement';
import { Signed, type VerifyingKey } from 'sync-contract/signed';
import { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { GatewayConfig } from '../gateway-config.js';

/**
 * The agent's keys as the pinned root vouches for them. The gateway stores no statement that does not verify, and
 * believes none from the table either: portal-api checks again, so this is for clear errors, not for safety.
 */
@Injectable()
export class GatewayKeys implements OnModuleInit {
  private readonly logger = new Logger(GatewayKeys.name);
  private readonly keyring: Keyring;

  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditService,
    config: GatewayConfig,
  ) {
    this.keyring = new Keyring(config.rootPublicKey, config.siteId);
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
  }

  /** Key that the agent signs with, for `verifyStatement`. */
  readonly signer = (kid: string): VerifyingKey | undefined => this.keyring.signer(kid);

  /** Keeps what the root signed; all of it or, when one is refused, none. @throws StatementRefused */
  async store(statements: readonly Signed[]): Promise<void> {
    const byKid = new Map(statements.map((signed) => [this.keyring.add(signed).kid, signed]));
    if (byKid.size === 0) {
      return;
    }
    await this.dataSource.transaction(async (manager) => {
      for (const [kid, signed] of byKid) {
        await manager.query(
          'INSERT INTO key_statement (kid, signed) VALUES (?, ?) ON DUPLICATE KEY UPDATE signed = VALUES(signed)',
          [kid, JSON.stringify(signed)],
        );
      }
      await this.audit.append(
        manager,
        ...[...byKid.keys()].map((kid) => ({
          action: 'gateway-keys' as const,
          outcome: 'ok' as const,
          actor: 'agent',
          object: kid,
        })),
      );
      crashPoint('before-commit:gateway-keys');
    });
    crashPoint('after-commit:gateway-keys');
  }
}
