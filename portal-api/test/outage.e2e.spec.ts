import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freeServicePorts } from 'infra/services/ports';
import { DEFAULT_DATABASES, startServices, type Services } from 'infra/services/services';
import { temporaryDataDir } from 'infra/services/test-services';
import { codeOf } from './browser-stand-in.js';
import { PASSWORD, PortalUnderTest, type PatientWithChart } from './portal-under-test.js';

let services: Services;
let portal: PortalUnderTest;
let patient: PatientWithChart;
beforeAll(async () => {
  services = await startServices({ dataDir: temporaryDataDir(), ports: await freeServicePorts() });
  portal = await PortalUnderTest.on(services, { ...DEFAULT_DATABASES, drop: () => Promise.resolve() });
  patient = await portal.patient();
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
  await services.stop();
  rmSync(services.dataDir, { recursive: true, force: true });
});

const section = (): Promise<number> =>
  patient.browser.get(`/api/charts/${patient.patientRef}/sections/medications`).then(({ status }) => status);

async function until(status: number): Promise<void> {
  const deadline = Date.now() + 15_000;
  while ((await section()) !== status) {
    if (Date.now() > deadline) {
      throw new Error(`no ${String(status)} within 15 s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('while MariaDB is away every read says busy, and goes on when it is back, with the same session', async () => {
  expect(await section()).toBe(200);
  await services.kill('dmz', 'mariadb');
  for (const path of [`/api/charts/${patient.patientRef}/sections/medications`, '/api/session']) {
    const response = await patient.browser.get(path);
    expect([path, response.status, codeOf(response)]).toEqual([path, 503, 'busy']);
  }
  const signIn = await portal.browser().post('/api/sign-in', { name: patient.name, password: PASSWORD });
  expect([signIn.status, codeOf(signIn)]).toEqual([503, 'busy']);
  await portal.browser().get('/api/health/live').expect(200);
  await portal.browser().get('/api/health/ready').expect(503);
  await services.restart('dmz', 'mariadb');
  await until(200);
});

test('a flushed Redis signs people out and loses nothing else', async () => {
  expect(await section()).toBe(200);
  await services.kill('dmz', 'redis');
  expect(await section()).toBe(503);
  await services.restart('dmz', 'redis');
  await until(401);
  const again = portal.browser();
  await again.keep(again.post('/api/sign-in', { name: patient.name, password: PASSWORD }).expect(200));
  const another = await portal.join();
  await another.browser.get('/api/session').expect(200);
});
