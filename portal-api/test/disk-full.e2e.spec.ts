import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Response } from 'supertest';
import { freeServicePorts } from 'infra/services/ports';
import { DEFAULT_DATABASES, startServices, type Services } from 'infra/services/services';
import { SmallDisk } from 'infra/services/small-disk';
import { temporaryDataDir } from 'infra/services/test-services';
import type { MessageSentView } from '../src/http.js';
import { codeOf } from './browser-stand-in.js';
import { LogUnderTest } from './log-under-test.js';
import { PortalUnderTest, type PatientWithChart } from './portal-under-test.js';

/** Holds MariaDB's files of a new DMZ and some more. */
const DISK_MIB = 192;

const log = new LogUnderTest();
let disk: SmallDisk;
let services: Services;
let portal: PortalUnderTest;

beforeAll(async () => {
  const dataDir = temporaryDataDir();
  disk = SmallDisk.over(join(dataDir, 'dmz/mariadb'), DISK_MIB);
  services = await startServices({ dataDir, ports: await freeServicePorts() });
  const databases = { ...DEFAULT_DATABASES, drop: () => Promise.resolve() };
  portal = await PortalUnderTest.on(services, databases, { LOG_LEVEL: 'info' }, log);
});

afterAll(async () => {
  await portal[Symbol.asyncDispose]();
  await services.stop();
  disk[Symbol.dispose]();
  rmSync(services.dataDir, { recursive: true, force: true });
});

/** Stays in its row: a page that must be split finds no room, and the statement fails. */
const SHORT = 1_500;
/** Lies in pages of its own, which MariaDB may fail to give back without room for more: it ends itself then. */
const LONG = 15_000;

const text = (characters: number): string => randomBytes((characters * 3) / 4).toString('base64');
const send = (sender: PatientWithChart, key: string, body: string): PromiseLike<Response> =>
  sender.browser
    .post(`/api/charts/${sender.patientRef}/messages`, { threadId: null, topic: 'Results', subject: '', body })
    .set('idempotency-key', key);

async function count(sql: string, values: (string | Buffer)[] = []): Promise<number> {
  const [row] = await portal.inside.sql(`SELECT COUNT(*) AS n FROM ${sql}`, values);
  return Number(row?.['n']);
}

/** Starts MariaDB again when it has ended, as a host does. */
async function supervise(): Promise<void> {
  if (services.dmz.mariadb.pid === undefined) {
    await services.restart('dmz', 'mariadb');
  }
}

interface Refused {
  /** of every message that was answered as saved, by its key */
  kept: Map<string, string>;
  key: string;
  body: string;
  response: Response;
}

async function sendUntilRefused(sender: PatientWithChart, characters: number): Promise<Refused> {
  const kept = new Map<string, string>();
  for (;;) {
    const [key, body] = [randomUUID(), text(characters)];
    const response = await send(sender, key, body);
    if (response.status !== 201) {
      return { kept, key, body, response };
    }
    kept.set(key, (response.body as MessageSentView).submissionId);
  }
}

/** Every message that was answered as saved is there once, with its receipt and copy, and nothing else. */
async function expectKept(sender: PatientWithChart, kept: ReadonlyMap<string, string>): Promise<void> {
  const account = [Buffer.from(sender.accountRef, 'hex')];
  const own = "kind = 'message' AND account_ref = ?";
  for (const table of ['outbox', 'receipt', 'own_copy']) {
    expect([table, await count(`{db}.${table} WHERE ${own}`, account)]).toEqual([table, kept.size]);
  }
  for (const [key, submissionId] of kept) {
    const id = Buffer.from(submissionId.replaceAll('-', ''), 'hex');
    expect(await count('{db}.outbox WHERE idempotency_key = ? AND submission_id = ?', [key, id])).toBe(1);
  }
  expect(await count('{db}.stream s WHERE NOT EXISTS (SELECT 1 FROM {db}.outbox o WHERE o.stream = s.stream)')).toBe(0);
}

async function expectOnceWithRoom(sender: PatientWithChart, { kept, key, body }: Refused): Promise<void> {
  disk.clear();
  const deadline = Date.now() + 40_000;
  let first = await send(sender, key, body);
  while (first.status === 503 && Date.now() < deadline) {
    await pause(100);
    await supervise();
    first = await send(sender, key, body);
  }
  const again = await send(sender, key, body);
  expect([first.status, again.status]).toEqual([201, 201]);
  expect(again.body).toEqual(first.body);
  await expectKept(sender, new Map(kept).set(key, (first.body as MessageSentView).submissionId));
}

test('what finds no room is refused whole before it is answered, and goes through once when there is some', async () => {
  const sender = await portal.patient();
  disk.fill();
  const refused = await sendUntilRefused(sender, SHORT);
  const { key, body, response } = refused;
  for (const answer of [response, await send(sender, key, body)]) {
    expect([answer.status, answer.type, codeOf(answer)]).toEqual([507, 'application/problem+json', 'no-room']);
    expect(answer.get('retry-after')).toBe('60');
    expect(answer.text).not.toContain(body.slice(0, 40));
  }
  await expectKept(sender, refused.kept);
  await expectOnceWithRoom(sender, refused);
});

test('the log names the cause', () => {
  const entries = log.entries('portal-api').filter((entry) => entry['code'] === 'no-room');
  expect(entries).toContainEqual(expect.objectContaining({ level: 'error', failure: expect.anything() }));
  expect(entries).toContainEqual(expect.objectContaining({ msg: 'answered', status: 507 }));
});

test('a MariaDB that ends itself on the full disk costs nothing that was answered either', async () => {
  const sender = await portal.patient();
  disk.fill();
  const refused = await sendUntilRefused(sender, LONG);
  expect([503, 507]).toContain(refused.response.status);
  expect(['busy', 'no-room']).toContain(codeOf(refused.response));
  await expectOnceWithRoom(sender, refused);
});
