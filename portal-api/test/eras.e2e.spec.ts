import { describe, expect, test } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { newSigningPair, signingKey } from 'sync-contract/signed';
import { codeOf } from './browser-stand-in.js';
import { PortalUnderTest } from './portal-under-test.js';

const PATIENCE = 20_000;

describe('a new era', () => {
  test('is shown to patients by the word of the root alone, and what was signed before it is over', async () => {
    await using portal = await PortalUnderTest.start('eras');
    const { inside } = portal;
    const { browser, patientRef } = await portal.patient();
    const look = async (): Promise<string> => {
      const response = await browser.get(`/api/charts/${patientRef}/sections/medications`);
      return response.status === 200 ? (response.headers['etag'] ?? '') : String(codeOf(response));
    };
    const { manifest } = await inside.publish(patientRef, { medications: { resources: [] } }, { seq: 900 });
    await inside.beat();
    expect(await look()).toBe('"1.900"');

    inside.era = 2;
    await inside.publish(patientRef, { medications: { resources: [] } }, { seq: 1 });
    expect(await look()).toBe('replica-unverified');
    await inside.stateEra(2, signingKey(newSigningPair().privateKey));
    // Longer than the pause in which portal-api does not look for a statement again.
    await pause(500);
    expect(await look()).toBe('replica-unverified');

    await inside.stateEra(2);
    for (const limit = Date.now() + PATIENCE; (await look()) !== '"2.1"' && Date.now() < limit;) {
      await pause(50);
    }
    await inside.beat();
    expect(await look()).toBe('"2.1"');

    inside.era = 1;
    await inside.storeManifest(patientRef, 900, manifest);
    expect(await look()).toBe('replica-unverified');
  });
});
