import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecording } from 'infra/openemr-sim/http/recorded-answer';
import { API_FAILURES, OpenEmrInDoubt } from '../src/openemr/api-failures.js';
import { registerAtOpenEmr } from '../src/setup/register-at-openemr.js';
import { RogueOpenEmr, SimulatedOpenEmr, type Answer } from './openemr-under-test.js';

const CONTACT = { contact: 'ops@example.org' };

describe('register', () => {
  it('makes one client in OpenEMR, however often it runs, and tells how far it is', async () => {
    await using openemr = await SimulatedOpenEmr.start('register');
    const { config } = openemr;
    const first = await registerAtOpenEmr(config, CONTACT);
    expect(first).toMatchObject({ registered: 'now', state: 'not-enabled' });
    expect(first.sentence).toContain('API Clients');
    expect(readFileSync(config.clientIdFile, 'utf8').trim()).toBe(first.clientId);
    const key = join(config.keyDir, 'openemr-client.key');
    expect(statSync(key).mode & 0o777).toBe(0o400);
    const pem = readFileSync(key, 'utf8');

    expect(await registerAtOpenEmr(config, CONTACT)).toMatchObject({ registered: 'before', state: 'not-enabled' });
    await openemr.enable(first.clientId);
    expect(await registerAtOpenEmr(config, CONTACT)).toMatchObject({ registered: 'before', state: 'ready' });
    expect(await openemr.clients()).toBe(1);

    await openemr.clinic.query('UPDATE oauth_clients SET scope = ?', ['system/Patient.read']);
    expect(await registerAtOpenEmr(config, CONTACT)).toMatchObject({ state: 'scopes-missing' });

    const anew = await registerAtOpenEmr(config, { ...CONTACT, again: true });
    expect(anew).toMatchObject({ registered: 'now', state: 'not-enabled' });
    expect(anew.clientId).not.toBe(first.clientId);
    expect(await openemr.clients()).toBe(2);
    expect(readFileSync(key, 'utf8')).toBe(pem);
  });

  it('stores nothing secret that OpenEMR answers', async () => {
    await using openemr = await SimulatedOpenEmr.start('register');
    await registerAtOpenEmr(openemr.config, CONTACT);
    const [rows] = await openemr.clinic.query('SELECT client_secret FROM oauth_clients');
    const [{ client_secret: secret }] = rows as [{ client_secret: string }];
    expect(readFileSync(openemr.config.clientIdFile, 'utf8')).not.toContain(secret);
  });

  it('takes a client that is there already, and does not change it for another unasked', async () => {
    await using openemr = await SimulatedOpenEmr.start('register');
    const { clientId } = await registerAtOpenEmr(openemr.config, CONTACT);
    rmSync(openemr.config.clientIdFile);
    expect(await registerAtOpenEmr(openemr.config, { ...CONTACT, clientId })).toMatchObject({ clientId });
    expect(await openemr.clients()).toBe(1);
    await expect(
      registerAtOpenEmr(openemr.config, { ...CONTACT, clientId: 'another-client-id' }),
    ).rejects.toMatchObject({ code: API_FAILURES.alreadyRegistered });
  });

  it('says which address OpenEMR has for itself when it is another than ours', async () => {
    await using openemr = await SimulatedOpenEmr.start('register', 'https://emr.clinic.example');
    const failure: unknown = await registerAtOpenEmr(openemr.config, CONTACT).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: API_FAILURES.assertion });
    expect(String(failure)).toContain('https://emr.clinic.example');
    expect(await openemr.clients()).toBe(0);
  });

  it('asks a person after an answer that did not arrive, in that run and in the next', async () => {
    await using openemr = await RogueOpenEmr.start();
    const { config } = openemr;
    writeFileSync(config.clientIdFile, '');
    let registration: Answer = (_request, response) => response.destroy();
    openemr.answer = (request, response, body) => {
      if (request.method === 'POST') {
        registration(request, response, body);
        return;
      }
      const name = request.url?.endsWith('metadata') === true ? 'fhir/metadata' : 'oauth2/02-smart-configuration';
      const text = JSON.stringify(readRecording(name).response.body);
      response.writeHead(200).end(text.replaceAll('https://127.0.0.1:9300', config.url));
    };
    await expect(registerAtOpenEmr(config, CONTACT)).rejects.toBeInstanceOf(OpenEmrInDoubt);
    await expect(registerAtOpenEmr(config, CONTACT)).rejects.toBeInstanceOf(OpenEmrInDoubt);
    expect(openemr.asked('/oauth2/default/registration')).toBe(1);

    registration = (_request, response) => response.writeHead(403).end();
    await expect(registerAtOpenEmr(config, { ...CONTACT, again: true })).rejects.toMatchObject({
      code: API_FAILURES.refused,
    });
    expect(existsSync(`${config.clientIdFile}.sent`)).toBe(false);

    registration = (_request, response) => response.writeHead(500).end();
    await expect(registerAtOpenEmr(config, CONTACT)).rejects.toBeInstanceOf(OpenEmrInDoubt);
    registration = (_request, response) => response.writeHead(200).end('<html>');
    await expect(registerAtOpenEmr(config, { ...CONTACT, again: true })).rejects.toBeInstanceOf(OpenEmrInDoubt);
  });
});
