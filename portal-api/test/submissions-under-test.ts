import { randomBytes } from 'node:crypto';
import { newRef } from 'sync-contract/identifiers';
import { DataSource } from 'typeorm';
import type { AuditOrigin } from '../src/audit/audit-origin.js';
import { AuditService } from '../src/audit/audit.service.js';
import { PortalConfig } from '../src/config.js';
import { dataSourceOptions } from '../src/database/data-source.js';
import { Doorbell } from '../src/doorbell/doorbell.js';
import type { RedisConfig } from '../src/redis/redis-environment.js';
import { SubmissionsService, type NewSubmission } from '../src/submissions/submissions.service.js';
import { databaseOf, redisOf } from './gateway-under-test.js';

export const NO_ORIGIN: AuditOrigin = { actor: null, session: null, ip: null, requestId: null };

export interface SubmissionTerms {
  site: string;
  rootPublicKey: Buffer;
  databaseName: string;
  redis?: RedisConfig;
}

/** The real service with the rights of portal_api, as the public process holds it; nothing but HTTP is missing. */
export class SubmissionsUnderTest implements AsyncDisposable {
  private constructor(
    readonly service: SubmissionsService,
    private readonly dataSource: DataSource,
    private readonly doorbell: Doorbell,
  ) {}

  static async start(terms: SubmissionTerms): Promise<SubmissionsUnderTest> {
    const database = databaseOf('portal_api', terms.databaseName);
    const redis = terms.redis ?? redisOf('portal_api');
    const dataSource = await new DataSource(dataSourceOptions(database)).initialize();
    const doorbell = new Doorbell(redis, terms.databaseName);
    const config = new PortalConfig({
      siteId: terms.site,
      rootPublicKey: terms.rootPublicKey,
      database,
      redis,
      logLevel: 'silent',
      publicOrigin: 'http://localhost:8080',
      listen: { host: '127.0.0.1', port: 0 },
      webRoot: '/nonexistent',
      pepper: randomBytes(32),
      blindIndexKey: randomBytes(32),
      practice: { name: 'Practice', timeZone: 'UTC' },
      trustProxy: [],
    });
    const service = new SubmissionsService(dataSource, config, new AuditService(dataSource), doorbell);
    return new SubmissionsUnderTest(service, dataSource, doorbell);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.doorbell.onApplicationShutdown();
    await this.dataSource.destroy();
  }
}

/** A message as the controller hands it over. Overrides of `text` change what is asked for and what is sealed. */
export function buildMessage(
  overrides: Partial<NewSubmission> & { text?: string; threadId?: string | null } = {},
): NewSubmission {
  const { text = 'How are my results?', threadId = null, ...rest } = overrides;
  const message = { topic: 'Results', subject: 'A question', body: text };
  return {
    kind: 'message',
    accountRef: newRef(),
    patientRef: newRef(),
    stream: threadId === null ? null : { id: threadId, claims: false },
    request: { ...message, threadId },
    payload: (stream, at) => ({ ...message, threadId: stream, writtenAt: at.toISOString() }),
    idempotencyKey: randomBytes(16).toString('base64url'),
    copyKey: randomBytes(32),
    accountKey: randomBytes(32),
    origin: NO_ORIGIN,
    ...rest,
  };
}
