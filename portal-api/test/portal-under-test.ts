import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Redis } from 'ioredis';
import { generateSync } from 'otplib';
import type { DestinationStream } from 'pino';
import { newRef } from 'sync-contract/identifiers';
import { migrateEnvironment, portalApiEnvironment } from 'infra/services/process-environment';
import { applyGrants, type ZoneAccess, type Zones } from 'infra/services/services';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { portalConfig, type PortalConfig } from '../src/config.js';
import { migrateConfig } from '../src/database/config.js';
import { migrate } from '../src/database/migrate.js';
import type { SessionView, TotpSetupView } from '../src/http.js';
import { createPortalApp } from '../src/portal-app.js';
import { REDIS } from '../src/redis/redis.module.js';
import { BrowserStandIn } from './browser-stand-in.js';
import { InsideStandIn } from './inside-stand-in.js';

export const PASSWORD = 'marmalade on the tin roof';
export const DATE_OF_BIRTH = '1980-03-14';

export interface JoinedPerson {
  browser: BrowserStandIn;
  accountRef: string;
  name: string;
  totpSecret: string;
  session: SessionView;
}

export interface PatientWithChart extends JoinedPerson {
  patientRef: string;
}

/**
 * The public process on real MariaDB and Redis, with the rights its accounts have in production, listening on a port.
 * The inside is a stand-in, see there. Only addresses in `x-forwarded-for` are believed, so that throttles per address
 * can be told apart.
 */
export class PortalUnderTest implements AsyncDisposable {
  private addresses = 0;

  private constructor(
    readonly app: NestFastifyApplication,
    readonly config: PortalConfig,
    /** of the same process, for one that is started beside it */
    readonly environment: Record<string, string>,
    readonly inside: InsideStandIn,
    readonly dmz: ZoneAccess,
    readonly databases: Pick<TestDatabases, 'portal' | 'drop'>,
    readonly url: string,
    private readonly folder: string,
  ) {}

  static async start(
    label: string,
    changes: Record<string, string> = {},
    log?: DestinationStream,
  ): Promise<PortalUnderTest> {
    return PortalUnderTest.on(testServices(), await createTestDatabases(label), changes, log);
  }

  /** On services of a test's own, which it may kill. */
  static async on(
    zones: Zones,
    databases: Pick<TestDatabases, 'portal' | 'openemr' | 'ledger' | 'drop'>,
    changes: Record<string, string> = {},
    log?: DestinationStream,
  ): Promise<PortalUnderTest> {
    const folder = mkdtempSync(join(tmpdir(), 'portal-under-test-'));
    const siteId = randomUUID();
    const inside = new InsideStandIn(zones.dmz, databases.portal, siteId);
    const settings = {
      siteId,
      databases,
      publicOrigin: 'http://localhost:8080',
      portalPort: 0,
      gatewayPort: 0,
      webRoot: webRoot(folder),
      rootPublicKeyFile: keyFile(folder, 'root.pub', inside.root.publicKey),
      practiceName: 'Elm Street Practice',
      practiceTimeZone: 'America/Chicago',
      pools: { default: 'nobody' },
    };
    await migrate(migrateConfig(migrateEnvironment(zones, settings)));
    await applyGrants(zones, 'dmz', databases);
    await inside.handOverKeys();
    const environment = {
      ...portalApiEnvironment(zones, settings),
      PEPPER_FILE: keyFile(folder, 'pepper.key', randomBytes(32)),
      BLIND_INDEX_KEY_FILE: keyFile(folder, 'blind-index.key', randomBytes(32)),
      TRUST_PROXY: '127.0.0.1',
      LOG_LEVEL: 'silent',
      LISTEN_PORT: '0',
      ...changes,
    };
    const config = portalConfig(environment);
    const app = await createPortalApp(config, log);
    await app.listen(0, '127.0.0.1');
    await redisReached(app.get<Redis>(REDIS));
    const { port } = app.getHttpServer().address() as AddressInfo;
    const url = `http://127.0.0.1:${String(port)}`;
    return new PortalUnderTest(app, config, environment, inside, zones.dmz, databases, url, folder);
  }

  /** @param address a new one unless given */
  browser(address?: string): BrowserStandIn {
    this.addresses += 1;
    const own = `198.51.${String(this.addresses >> 8)}.${String(this.addresses & 255)}`;
    return new BrowserStandIn(this.url, this.config.publicOrigin, address ?? own);
  }

  /** Sets up an authenticator and fills the form of joining; the code is the one before the present. */
  async joinForm(
    browser: BrowserStandIn,
    name: string,
    code: string,
  ): Promise<{ form: Record<string, unknown>; secret: string }> {
    const response = await browser.post('/api/join/totp', { name });
    const { setup, secret } = response.body as TotpSetupView;
    await roomInTotpPeriod(2_000);
    const form = {
      code,
      name,
      password: PASSWORD,
      dateOfBirth: DATE_OF_BIRTH,
      totp: { setup, code: totpCode(secret, -1) },
    };
    return { form, secret };
  }

  async join(name = `person-${newRef().slice(0, 12)}`): Promise<JoinedPerson> {
    const browser = this.browser();
    const { form, secret } = await this.joinForm(browser, name, await this.inside.invite());
    const response = await browser.keep(browser.post('/api/join', form));
    if (response.status !== 201) {
      throw new Error(`joining answered ${String(response.status)} ${response.text}`);
    }
    const session = response.body as SessionView;
    return { browser, accountRef: session.accountRef, name, totpSecret: secret, session };
  }

  /** Joined, accepted, with these sections in the chart and a heartbeat over it. */
  async patient(sections: Record<string, unknown> = { medications: { resources: [] } }): Promise<PatientWithChart> {
    const person = await this.join();
    const patientRef = newRef();
    await this.inside.publish(patientRef, sections);
    await this.inside.beat();
    await this.inside.grant(person.accountRef, patientRef);
    return { ...person, patientRef };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
    await this.databases.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const TOTP_PERIOD = 30_000;

/**
 * Waits, when the authenticator's period is about to end, for the next one: a code of the period before, or after, is
 * then still that when the portal checks it.
 * @param room milliseconds of the period that must be left
 */
export async function roomInTotpPeriod(room: number): Promise<void> {
  const left = TOTP_PERIOD - (Date.now() % TOTP_PERIOD);
  if (left < room) {
    await new Promise((resolve) => setTimeout(resolve, left));
  }
}

/** @param steps time steps of 30 s from now */
export function totpCode(secret: string, steps = 0): string {
  return generateSync({ secret, epoch: Math.floor(Date.now() / 1_000) + 30 * steps });
}

function keyFile(folder: string, name: string, key: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, key.toString('base64url'));
  return path;
}

function webRoot(folder: string): string {
  const root = join(folder, 'web');
  mkdirSync(join(root, 'assets'), { recursive: true });
  writeFileSync(join(root, 'index.html'), '<!doctype html><title>portal</title>');
  writeFileSync(join(root, 'assets', 'app-1a2b3c.js'), 'export {};');
  return root;
}

/** Its connection comes up by itself, some time after the portal listens; until then the portal says that it is not ready. */
async function redisReached(redis: Redis): Promise<void> {
  if (redis.status !== 'ready') {
    await once(redis, 'ready', { signal: AbortSignal.timeout(30_000) });
  }
}
