import { TLSSocket } from 'node:tls';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Cut, verifyCut } from 'sync-contract/cut';
import type { CutRequest } from 'sync-contract/gateway-wire';
import { Signed, statementHash } from 'sync-contract/signed';
import { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes } from '../database/hex-column.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { GatewayConfig } from '../gateway-config.js';
import { GatewayKeys } from './gateway-keys.js';

/**
 * What the inside has cut off. A statement is durable before it is answered; from its commit on, and after every restart,
 * the certificates that any statement revokes are nobody's. portal-api reads the same rows and ends the sessions.
 */
@Injectable()
export class CutStore implements OnApplicationBootstrap {
  private readonly logger = new Logger(CutStore.name);
  private readonly revoked = new Set<string>();
  private readonly connected = new Set<TLSSocket>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly keys: GatewayKeys,
    private readonly audit: AuditService,
    private readonly config: GatewayConfig,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const rows = await this.dataSource.query<{ signed: string }[]>('SELECT signed FROM cut_statement');
    for (const { signed } of rows) {
      try {
        // Without its signature, which may be of a key that has run out: what stands here can only refuse.
        this.revoke(Cut.parse(JSON.parse(Signed.parse(JSON.parse(signed)).body)));
      } catch {
        this.logger.error('a stored statement about revoked certificates cannot be read and is ignored');
      }
    }
  }

  /** Idempotent. @throws StatementRefused */
  async store({ statement }: CutRequest): Promise<void> {
    const cut = verifyCut(statement, this.config.siteId, this.keys.signer);
    const hash = statementHash(statement);
    await settleTransaction(this.dataSource, async (manager) => {
      const { affectedRows } = await manager.query<{ affectedRows: number }>(
        'INSERT IGNORE INTO cut_statement (statement_hash, issued_at, signed) VALUES (?, ?, ?)',
        [hexBytes(hash), new Date(cut.issuedAt), JSON.stringify(statement)],
      );
      if (affectedRows > 0) {
        await this.audit.append(manager, { action: 'gateway-cut', outcome: 'ok', actor: 'agent', reason: cut.state });
      }
      crashPoint('before-commit:gateway-cut');
    });
    crashPoint('after-commit:gateway-cut');
    this.revoke(cut);
    this.logger.warn(cut.state === 'cut' ? 'the inside has cut this DMZ off' : 'the inside trusts this DMZ again');
  }

  /** Keeps a connection in mind for as long as it is open. */
  watch(socket: TLSSocket): void {
    this.connected.add(socket);
    socket.once('close', () => this.connected.delete(socket));
  }

  isRevoked(socket: unknown): boolean {
    const fingerprint = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.fingerprint256 : undefined;
    return fingerprint !== undefined && this.revoked.has(fingerprint.replaceAll(':', '').toLowerCase());
  }

  /** Ends every connection with a revoked certificate, waiting leases with them. @param but the one that is answered */
  disconnectRevoked(but: unknown): void {
    for (const socket of this.connected) {
      if (socket !== but && this.isRevoked(socket)) {
        socket.destroy();
      }
    }
  }

  private revoke({ revoked }: Cut): void {
    for (const fingerprint of revoked) {
      this.revoked.add(fingerprint);
    }
  }
}
