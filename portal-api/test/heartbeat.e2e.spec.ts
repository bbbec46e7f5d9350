import { describe, expect, jest, test } from '@jest/globals';
import { TIMES } from 'sync-contract/limits';
import { DataSource } from 'typeorm';
import { codeOf } from './browser-stand-in.js';
import { PortalUnderTest, type PatientWithChart } from './portal-under-test.js';

// A heartbeat binds the whole process, so each test has one of its own, one after the other.
const ago = (ms: number): Date => new Date(Date.now() - ms);
const SECTIONS = { medications: { resources: [] } };

async function lookAt({ browser, patientRef }: PatientWithChart): Promise<string> {
  const response = await browser.get(`/api/charts/${patientRef}/sections/medications`);
  return response.status === 200 ? '200' : `${String(response.status)} ${String(codeOf(response))}`;
}

describe('the heartbeat', () => {
  test.each<[string, (own: PortalUnderTest) => Promise<unknown>]>([
    [
      'rolled back',
      async (own) =>
        own.inside.sql(
          'UPDATE {db}.heartbeat SET seq = 1, signed = (SELECT h.signed FROM (SELECT signed FROM {db}.heartbeat) h)',
        ),
    ],
    ['taken away', async (own) => own.inside.sql('DELETE FROM {db}.heartbeat')],
    ['claimed newer than it is', async (own) => own.inside.sql('UPDATE {db}.heartbeat SET seq = 99')],
    [
      'with another bucket',
      async (own) => {
        await own.inside.beat();
        await own.inside.sql("UPDATE {db}.heartbeat_bucket SET leaves = '[]'");
      },
    ],
    [
      'with other roots',
      async (own) => {
        await own.inside.beat();
        await own.inside.sql("UPDATE {db}.heartbeat SET bucket_roots = REPEAT('a', 8192)");
      },
    ],
  ])('%s closes the charts', async (_what, spoil) => {
    await using own = await PortalUnderTest.start('heartbeat');
    const patient = await own.patient(SECTIONS);
    await own.inside.beat();
    expect(await lookAt(patient)).toBe('200');
    await spoil(own);
    expect(await lookAt(patient)).toBe('503 replica-unverified');
  });

  test('is read and verified once, however many meet it at the same time', async () => {
    await using own = await PortalUnderTest.start('once');
    const patient = await own.patient(SECTIONS);
    expect(await lookAt(patient)).toBe('200');
    const queries = jest.spyOn(own.app.get(DataSource), 'query');
    await own.inside.beat();
    const looks = await Promise.all(Array.from({ length: 20 }, () => lookAt(patient)));
    expect(new Set(looks)).toEqual(new Set(['200']));
    expect(queries.mock.calls.filter(([sql]) => sql.includes('heartbeat_bucket'))).toHaveLength(1);
    await own.inside.sql("UPDATE {db}.heartbeat SET seq = 99, signed = 'x'");
    const refused = await Promise.all(Array.from({ length: 20 }, () => lookAt(patient)));
    expect(new Set(refused)).toEqual(new Set(['503 replica-unverified']));
  });

  test('says how current a chart is; the later of it and the section counts', async () => {
    await using own = await PortalUnderTest.start('current');
    const patient = await own.patient(SECTIONS);
    const status = async (): Promise<Record<string, unknown>> =>
      (await patient.browser.get(`/api/charts/${patient.patientRef}/status`).expect(200)).body as Record<
        string,
        unknown
      >;

    const asOf = new Date(Date.now() - 2 * TIMES.red);
    // Pushed just now, with nothing newer in its sections: that others could not be read does not make them current.
    await own.inside.publish(patient.patientRef, SECTIONS, { seq: 2, asOf, madeAt: new Date() });
    for (const [age, freshness] of [
      [TIMES.red + 1_000, 'red'],
      [TIMES.amber + 1_000, 'amber'],
      [TIMES.amber - 10_000, 'current'],
    ] as const) {
      const t = new Date(Date.now() - age);
      await own.inside.beat(t);
      expect(await status()).toMatchObject({
        freshness,
        currentAsOf: t.toISOString(),
        frozen: false,
        manifest: { era: 1, seq: 2 },
      });
      const section = await patient.browser.get(`/api/charts/${patient.patientRef}/sections/medications`);
      expect(section.headers['x-as-of']).toBe(t.toISOString());
    }
    expect((await status())['sections']).toEqual(['medications']);

    const own_t = new Date(Date.now() - TIMES.red - 5_000).toISOString();
    await own.inside.beat(new Date(), [{ patientRef: patient.patientRef, t: own_t }]);
    expect(await status()).toMatchObject({ freshness: 'red', currentAsOf: own_t });

    const newest = new Date(Date.now() - 1_000);
    await own.inside.publish(patient.patientRef, SECTIONS, { seq: 3, asOf: newest });
    expect(await status()).toMatchObject({ freshness: 'red', currentAsOf: own_t });
    const section = await patient.browser.get(`/api/charts/${patient.patientRef}/sections/medications`);
    expect(section.headers['x-as-of']).toBe(newest.toISOString());
  });

  test('and sections claim no time that lies ahead, or lay ahead when it came', async () => {
    await using own = await PortalUnderTest.start('ahead');
    const patient = await own.patient(SECTIONS);
    const { browser, patientRef } = patient;
    const claims = async (): Promise<unknown[]> => {
      const status = await browser.get(`/api/charts/${patientRef}/status`).expect(200);
      const { currentAsOf, freshness } = status.body as Record<string, unknown>;
      const section = await browser.get(`/api/charts/${patientRef}/sections/medications`).expect(200);
      return [currentAsOf, freshness, section.headers['x-as-of']];
    };
    const ahead = new Date(Date.now() + TIMES.red);
    await own.inside.beat(ahead);
    const asOf = new Date(Date.now() - 1_000);
    await own.inside.publish(patientRef, SECTIONS, { seq: 2, asOf });
    // What the section says itself holds for it, and not for the chart that the heartbeat knows.
    expect(await claims()).toEqual([null, 'red', asOf.toISOString()]);
    await own.inside.publish(patientRef, SECTIONS, { seq: 3, asOf: ahead, madeAt: ahead });
    expect(await claims()).toEqual([null, 'red', undefined]);

    // The clock passes it, and nothing has come since.
    const past = new Date(Date.now() - 1_000);
    await own.inside.publish(patientRef, SECTIONS, { seq: 4, asOf: past, madeAt: past });
    expect(await claims()).toEqual([null, 'red', past.toISOString()]);
    await own.inside.publish(patientRef, SECTIONS, { seq: 5, asOf: past, madeAt: past, came: ago(TIMES.red) });
    expect(await claims()).toEqual([null, 'red', undefined]);

    const t = ago(TIMES.amber + 1_000);
    await own.inside.beat(t);
    expect(await claims()).toEqual([t.toISOString(), 'amber', t.toISOString()]);
  });
});
