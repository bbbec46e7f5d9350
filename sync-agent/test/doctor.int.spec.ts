import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { API_CASES } from './doctor-api-cases.js';
import { DoctorUnderTest, type Misconfiguration } from './doctor-under-test.js';
import { GRANTS_CASES, OPENEMR_CASES, RESTART_CASES, SERVER_CASES } from './doctor-database-cases.js';
import { FILES_CASES } from './doctor-files-cases.js';
import { GATEWAY_CASES } from './doctor-gateway-cases.js';
import { REDIS_CASES } from './doctor-redis-cases.js';

const GROUPS: readonly [string, readonly Misconfiguration[]][] = [
  ['configuration, files and keys', FILES_CASES],
  ['the gateway', GATEWAY_CASES],
  ["OpenEMR's database server", SERVER_CASES],
  ["the accounts' grants", GRANTS_CASES],
  ["OpenEMR's settings and people", OPENEMR_CASES],
  ["OpenEMR's API", API_CASES],
  ['Redis', REDIS_CASES],
  ['servers that start with other settings', RESTART_CASES],
];

describe('doctor', () => {
  let inside: DoctorUnderTest;

  beforeAll(async () => {
    inside = await DoctorUnderTest.start();
  });

  afterAll(async () => {
    await inside[Symbol.asyncDispose]();
  });

  const healthy = async (): Promise<void> => {
    expect(await inside.examine()).toEqual({ findings: [], notChecked: [], notes: [] });
  };

  it('finds nothing on a healthy system', healthy);

  describe.each(GROUPS)('%s', (_, cases) => {
    it.each(cases.map((each) => [each.name, each] as const))('finds %s', async (_name, { make, finds, says }) => {
      const { environment, undo } = await make(inside);
      try {
        const { findings } = await inside.examine(environment);
        expect(findings.map(({ code }) => code).sort()).toEqual([...finds].sort());
        const [found] = findings.filter(({ code }) => code === finds[0]);
        expect(found?.sentence).toMatch(says);
        for (const { sentence, remedy } of findings) {
          expect(`${sentence}; ${remedy}`).toMatch(/^[^\n]+[^.\n]$/);
        }
      } finally {
        await undo?.();
      }
    });

    it('finds nothing once all of that is undone', healthy);
  });

  it('is tried with 40 misconfigurations or more', () => {
    expect(GROUPS.flatMap(([, cases]) => cases).length).toBeGreaterThanOrEqual(40);
  });
});
