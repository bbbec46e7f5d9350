import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { correctResult, newResult } from 'infra/openemr-sim/clinic-labs';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { markDirty } from '../src/ledger/dirty.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { decide, lift, type NewDecision } from '../src/release/decide.js';
import { describeHistory, readItemHistory, type ItemEvent } from '../src/release/item-history.js';
import { readDecisions } from '../src/release/read-decisions.js';
import { readItems } from '../src/release/read-items.js';
import { dropOldReleaseTimes } from '../src/release/release-times.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart } from '../src/replicate/replicate-chart.js';
import { AgentUnderTest, STANDING_FEED } from './agent-under-test.js';

const PID = 5001;

describe('the release ledger tells of an entry', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let gateway: GatewayClient;
  let patientRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start('history');
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const connection = new GatewayConnection(under.config.gateway);
    gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
    patientRef = await under.invite(PID);
    await push();
  });

  afterAll(async () => {
    await gateway.close();
    await pool.end();
    await under[Symbol.asyncDispose]();
  });

  const push = async (...classes: Parameters<typeof markDirty>[2][number][]): Promise<string> => {
    await markDirty(under.ledger.manager, PID, classes);
    const parts = { ledger: under.ledger, reader: pool, keys: under.keys, tables: under.tables, gateway };
    const outcome = await replicateChart({ ...parts, recent: new RecentChanges(), feed: STANDING_FEED }, patientRef);
    expect(outcome).toBe('pushed');
    const { era, seq } = (await under.stored(patientRef))?.manifest ?? {};
    return `${String(era)}.${String(seq)}`;
  };
  const historyOf = (id: string): Promise<ItemEvent[]> => readItemHistory(under.ledger.manager, PID, id);
  const short = async (id: string): Promise<string[]> =>
    (await historyOf(id)).map(({ event, version, decision }) =>
      [event, version && `${String(version.era)}.${String(version.seq)}`, decision?.id].filter(Boolean).join(' '),
    );
  const idsOf = async (type: string): Promise<string[]> => {
    const items = await readItems(pool, under.keys, PID, await readDecisions(under.ledger.manager, PID));
    return items.filter(({ resourceType }) => resourceType === type).map(({ id }) => id);
  };
  const added = (before: string[], after: string[]): string => after.filter((id) => !before.includes(id)).join();
  const hold = (id: string): NewDecision => ({
    ...{ kind: 'hold', pid: PID, resourceId: id, recordClass: 'results', codeSystem: null, code: null },
    ...{ sensitivity: null, reason: '171.202(e)', author: 'admin', hours: 24 },
  });

  let report: string;
  let first: string;
  it('when it came into the portal at once, and each version of it with its hash', async () => {
    const [reports, values] = [await idsOf('DiagnosticReport'), await idsOf('Observation')];
    const glucose = { pid: PID, loinc: '2345-7', name: 'Glucose', value: '98', units: 'mg/dL' };
    const { resultId } = await newResult(under.clinic, glucose);
    first = await push('results');
    report = added(reports, await idsOf('DiagnosticReport'));
    const value = added(values, await idsOf('Observation'));
    const [released] = await historyOf(value);
    expect(released).toMatchObject({ event: 'released', decision: null });
    expect(released?.section).toMatch(/^results\/\d{4}$/);
    expect([await short(report), await short(value)]).toEqual([[`released ${first}`], [`released ${first}`]]);

    // Another class goes out: neither has a new version.
    await changeDemographics(under.clinic, { pid: PID, street: '1 Elm Court' });
    await push('profile');
    expect(await short(value)).toEqual([`released ${first}`]);

    await correctResult(under.clinic, { resultId, value: '101' });
    const second = await push('results');
    expect(await short(value)).toEqual([`released ${first}`, `changed ${second}`]);
    const [, changed] = await historyOf(value);
    expect(changed?.hash).toMatch(/^[0-9a-f]{32}$/);
    expect(changed?.hash).not.toBe(released?.hash);
  });

  it('who kept it inside, who let it go, and that it left with the access', async () => {
    const decision = await decide(under.ledger, hold(report));
    const without = await push();
    await lift(under.ledger, decision, 'drgreene');
    const back = await push();
    expect((await short(report)).slice(-3)).toEqual([
      `withdrawn ${without}`,
      `held ${String(decision)}`,
      `released ${back} ${String(decision)}`,
    ]);
    const text = describeHistory(await historyOf(report));
    expect(text).toContain(`in the portal  version ${first}`);
    expect(text).toContain(`kept inside  by decision ${String(decision)} (hold, 171.202(e), admin)`);
    expect(text).toContain(`after decision ${String(decision)} (hold, 171.202(e), admin), lifted by drgreene`);

    await under.ledger.query(
      `INSERT INTO patient_decision (patient_ref, decision, cause, decided_by, at, revoked_at)
        VALUES (UNHEX(?), 'revoked', 'staff', 'staff', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
      [patientRef],
    );
    expect((await short(report)).at(-1)).toBe('access-ended');
    expect(describeHistory(await historyOf('0'.repeat(32)))).toContain('no version of this entry');
    await under.ledger.query('DELETE FROM patient_decision');
  });

  it('that it was taken back for correction, and came again', async () => {
    const [id] = await idsOf('Condition');
    const [item] = await historyOf(id ?? '');
    expect(item).toMatchObject({ event: 'released', section: 'problems' });
    const decision = await decide(under.ledger, {
      ...hold(id ?? ''),
      kind: 'recall',
      recordClass: 'problems',
      hours: null,
    });
    const without = await push();
    await lift(under.ledger, decision, 'admin');
    const back = await push();
    expect((await short(id ?? '')).slice(1)).toEqual([
      `withdrawn ${without}`,
      `held ${String(decision)}`,
      `released ${back} ${String(decision)}`,
    ]);
  });

  it('what followed the state of 400 days ago, and that it may have been there for longer', async () => {
    const rows = "released_section WHERE name LIKE 'results/%'";
    const sections = await under.count(`(SELECT DISTINCT name FROM ${rows}) AS one`);
    const all = await under.count(rows);
    expect(all).toBeGreaterThan(sections);
    await dropOldReleaseTimes(under.ledger);
    expect(await under.count(rows)).toBe(all);
    await under.ledger.query('UPDATE released_section SET acked_at = acked_at - INTERVAL 401 DAY');
    await dropOldReleaseTimes(under.ledger);
    expect(await under.count(rows)).toBe(sections);
    expect((await short(report))[0]).toMatch(/^there /);
  });

  it('that nothing is known of what was there before the table was', async () => {
    const [id = ''] = await idsOf('AllergyIntolerance');
    const allergies = "patient_ref = UNHEX(?) AND name = 'allergies'";
    await under.ledger.query('DELETE FROM patient_decision');
    await under.ledger.query(
      `UPDATE released_section SET items = NULL, acked_at = UTC_TIMESTAMP(3) WHERE ${allergies}`,
      [patientRef],
    );
    expect(await historyOf(id)).toEqual([]);
    await under.clinic.query("UPDATE lists SET comments = 'asked again' WHERE pid = ? AND type = 'allergy'", [PID]);
    expect(await short(id)).toEqual([]);
    const known = await push('allergies');
    expect(await short(id)).toEqual([`there ${known}`]);
  });
});
