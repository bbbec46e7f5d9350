import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { EraStatement, signEra } from 'sync-contract/era-statement';
import { readRootKey } from '../src/keys/key-files.js';
import { allowVanishing } from '../src/replicate/allow-vanishing.js';
import { beginEra } from '../src/restore/begin-era.js';
import { refillDmz } from '../src/replicate/refill-dmz.js';
import type { AgentUnderTest } from './agent-under-test.js';
import { ListsUnderTest } from './lists-under-test.js';

const STOPPED = 'too-much-vanished';
const HELD = 'whole-chart-vanished';

describe('what vanished from OpenEMR and waits for a person', () => {
  let lists: ListsUnderTest;
  let under: AgentUnderTest;

  beforeAll(async () => {
    lists = await ListsUnderTest.start('vanishing-refill');
    ({ under } = lists);
  });

  afterEach(() => lists.forget());

  afterAll(() => lists[Symbol.asyncDispose]());

  /** As when the gateway says that it was restored, whether that is true or not. */
  async function refill(): Promise<void> {
    await under.ledger.query('REPLACE INTO heartbeat_state (id, era, seq) VALUES (1, 1, 0)');
    expect(await refillDmz(under.ledger)).toBe('now');
    await under.ledger.query('DELETE FROM restore_step');
    expect(await under.count('chart_section')).toBe(0);
  }

  async function pushed(pid: number): Promise<unknown> {
    return (await under.stored(lists.refOf(pid), 'none'))?.manifest.seq;
  }

  it('waits on when the DMZ is filled again, while charts that lose nothing are sent', async () => {
    const pids: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      pids.push(await lists.patientWith({ allergy: 1, medical_problem: 2 }));
    }
    const whole = await lists.patientWith({ allergy: 2, medical_problem: 4 });
    const [, , , last = 0] = pids;
    await under.clinic.query("DELETE FROM lists WHERE type = 'allergy' AND pid IN (?)", [pids]);
    const outcomes = [];
    for (const pid of pids) {
      outcomes.push(await lists.outcomeOf(pid));
    }
    expect(outcomes).toEqual(['pushed', 'pushed', STOPPED, STOPPED]);
    const before = await pushed(last);

    await refill();
    expect(await lists.outcomeOf(last)).toBe(STOPPED);
    expect(await pushed(last)).toBe(before);
    expect(await lists.replicate(whole)).toBe('pushed');
    expect([await lists.shown(whole, 'allergies'), await lists.isStopped()]).toEqual([2, true]);

    await allowVanishing(under.ledger);
    expect(await lists.replicate(last)).toBe('pushed');
    expect([await lists.shown(last, 'allergies'), await lists.shown(last, 'problems')]).toEqual([0, 2]);
  });

  it('is still noticed when the DMZ was filled again before anybody read the emptied table', async () => {
    const pids: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      pids.push(await lists.patientWith({ allergy: 1, medical_problem: 2 }));
    }
    const whole = await lists.patientWith({ allergy: 2, medical_problem: 4 });
    await refill();
    await under.clinic.query('DELETE FROM lists WHERE pid IN (?)', [[...pids, whole]]);
    expect(await lists.outcomeOf(whole)).toBe(HELD);
    const outcomes = [];
    for (const pid of pids) {
      outcomes.push(await lists.outcomeOf(pid));
    }
    // The shares are of what was there, not of what the DMZ has got again.
    expect(outcomes).toEqual(['pushed', STOPPED, STOPPED, STOPPED]);
  });

  it('keeps what a person allowed while a class cannot be read, and stays held without that', async () => {
    const pid = await lists.patientWith({ allergy: 2, medical_problem: 3 });
    await under.clinic.query("INSERT INTO immunizations SET patient_id = ?, cvx_code = '140', note = 'flu'", [pid]);
    expect(await lists.replicate(pid)).toBe('pushed');
    await lists.remove(pid, 'allergy');
    await lists.remove(pid, 'medical_problem');
    await under.clinic.query('DELETE FROM immunizations WHERE patient_id = ?', [pid]);
    expect(await lists.outcomeOf(pid)).toBe(HELD);
    await under.clinic.query('RENAME TABLE immunizations TO immunizations_away');
    expect(await lists.outcomeOf(pid)).toBe(HELD);
    await under.clinic.query('RENAME TABLE immunizations_away TO immunizations');

    await allowVanishing(under.ledger, lists.refOf(pid));
    await under.clinic.query('RENAME TABLE lists TO lists_away');
    await changeDemographics(under.clinic, { pid, street: '1 Elm Court' });
    const before = await pushed(pid);
    expect(await lists.outcomeOf(pid)).toBe('openemr-read-failed');
    expect(await pushed(pid)).not.toBe(before);
    await under.clinic.query('RENAME TABLE lists_away TO lists');
    expect([await lists.outcomeOf(pid), await lists.shown(pid, 'allergies')]).toEqual(['pushed', 0]);
    expect(await under.count('held_loss')).toBe(0);
  });

  it('is held on, of one chart, after a refill and in a new era, where a person decides anew', async () => {
    const pid = await lists.patientWith({ allergy: 2, medical_problem: 4 });
    await lists.remove(pid, 'allergy');
    expect(await lists.replicate(pid)).toBe('pushed');
    await lists.remove(pid, 'medical_problem', '% no 0');
    expect(await lists.replicate(pid)).toBe('pushed');
    await lists.remove(pid, 'medical_problem');
    expect(await lists.outcomeOf(pid)).toBe(HELD);
    await refill();
    // Too few for a rule of their own: only what was held before says so.
    await under.ledger.query('DELETE FROM vanished_class');
    expect([await lists.outcomeOf(pid), await lists.isStopped()]).toEqual([HELD, true]);

    await allowVanishing(under.ledger, lists.refOf(pid));
    const signed = signEra(under.config.siteId, 2, readRootKey(join(under.config.keyDir, 'root.key')));
    const statement = EraStatement.parse(JSON.parse(signed.body));
    const { tables, keys } = under;
    await beginEra(under.ledger, {
      ...{ statement, signed, tables, resourceIdKey: keys.resourceIdKey },
      samePatients: [],
    });
    await under.ledger.query('DELETE FROM restore_step');
    expect([await lists.outcomeOf(pid), await lists.isStopped()]).toEqual([HELD, true]);
  });
});
