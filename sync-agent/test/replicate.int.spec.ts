import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { addMedication } from 'infra/openemr-sim/clinic-medications';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { AgentUnderTest, until } from './agent-under-test.js';

const PID = 5001;

describe('a chart in the DMZ', () => {
  let under: AgentUnderTest;
  let patientRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start('replicate');
    patientRef = await under.invite(PID);
    await under.startAgent();
    await until('the chart is pushed', async () => (await under.stored(patientRef)) !== null);
    await under.clean();
  });

  afterAll(async () => {
    await under[Symbol.asyncDispose]();
  });

  it('has all sections after the enrolment', async () => {
    const chart = await under.stored(patientRef);
    expect([...(chart?.sections.keys() ?? [])].filter((name) => !name.includes('/')).sort()).toEqual([
      'medications',
      'messages',
      'profile',
      'receipts',
      'results',
    ]);
    expect(chart?.manifest.sections).toHaveLength(chart?.sections.size ?? -1);
  });
});
