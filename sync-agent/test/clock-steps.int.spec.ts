import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { TIMES } from 'sync-contract/limits';
import { readCurrency } from '../src/replicate/currency.js';
import { AgentUnderTest, until } from './agent-under-test.js';

const PID = 5005;
const LAGGING_PID = 5006;
const NONE = new Date(0).toISOString();
/** No number of OpenEMR's: whoever reads the row cannot read the class. */
const BEYOND = '1152921504606846976';

/**
 * The clock of OpenEMR's database is set ahead and back. What it leaves is a clock marker in the binlog that says another time:
 * the test writes it where the agent does, through the same server, to the real feed, gateway and heartbeat.
 */
describe('when the clock of the database is set ahead and back', () => {
  let under: AgentUnderTest;
  let patientRef: string;
  let laggingRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start('clock_steps');
    patientRef = await under.invite(PID);
    laggingRef = await under.invite(LAGGING_PID);
    await under.startAgent();
    for (const ref of [patientRef, laggingRef]) {
      await until('the chart is pushed', async () => (await under.stored(ref)) !== null);
    }
    await under.clean();
  });

  afterAll(async () => under[Symbol.asyncDispose]());

  const clock = async (): Promise<string> => {
    const [rows] = await under.clinic.query("SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%f') AS at");
    const [{ at }] = z.tuple([z.object({ at: z.string() })]).parse(rows);
    return `${at.slice(0, 23)}Z`;
  };
  const claimed = async (ref: string): Promise<string | null> => {
    const currency = await readCurrency(under.ledger.manager);
    return currency === null ? null : (currency.exceptions.get(ref) ?? currency.practice);
  };

  it('no chart claims the time of the wrong clock, and one that lags claims none, until it is rendered', async () => {
    await until('both claim a time', async () => ((await claimed(laggingRef)) ?? NONE) > NONE);
    await under.clinic.query(`INSERT INTO procedure_order SET patient_id = ?, activity = 1, provider_id = ${BEYOND}`, [
      LAGGING_PID,
    ]);
    await until('it lags', async () => (await readCurrency(under.ledger.manager))?.exceptions.has(laggingRef) === true);
    expect(await claimed(laggingRef)).not.toBe(NONE);

    await under.ledger.query('UPDATE clock_marker SET at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR');
    // The agent's own markers, every few seconds, are those of a clock that was set back.
    await until('times are forgotten', async () => (await claimed(laggingRef)) === NONE);
    const later = await clock();
    await until('the other claims the right time', async () => ((await claimed(patientRef)) ?? '') > later);
    expect(((await claimed(patientRef)) ?? '') <= (await clock())).toBe(true);
    expect(await claimed(laggingRef)).toBe(NONE);
    expect(await under.count('chart_section WHERE as_of > UTC_TIMESTAMP(6)')).toBe(0);
    await until('a heartbeat arrives', async () => ((await under.heartbeat())?.t ?? '') > later);
    expect(Date.parse((await under.heartbeat())?.t ?? '')).toBeLessThan(Date.now() + TIMES.clockAhead);
    const own = (await under.heartbeat())?.exceptions.find((each) => each.patientRef === laggingRef);
    expect(own?.t).toBe(NONE);

    await under.clinic.query(`DELETE FROM procedure_order WHERE provider_id = ${BEYOND}`);
    await changeDemographics(under.clinic, { pid: LAGGING_PID, street: '1 Steady Street' });
    const mended = await clock();
    await until('it is rendered and claims the right time', async () => ((await claimed(laggingRef)) ?? '') > mended);
    expect(JSON.stringify((await under.stored(laggingRef))?.sections.get('profile'))).toContain('1 Steady Street');
  });

  it('the DMZ refuses a time that lies ahead; nothing is forgotten until a marker says that the clock was wrong', async () => {
    const number = async (sql: string): Promise<number> => {
      const rows: unknown = await under.ledger.query(sql);
      return z.tuple([z.object({ n: z.coerce.number() })]).parse(rows)[0].n;
    };
    const generation = (): Promise<number> => number('SELECT generation AS n FROM feed_position WHERE id = 1');
    const tried = (): Promise<number> => number('SELECT seq AS n FROM heartbeat_state WHERE id = 1');
    await until('a heartbeat arrives', async () => (await under.heartbeat()) !== null);
    const kept = (await under.heartbeat())?.t ?? '';
    const before = await generation();
    under.log.lines.length = 0;
    // The agent's own markers come from a clock that stays ahead.
    const { adminSql } = under.zones.inside;
    const { ledgerName } = under.config.database;
    await adminSql(
      'CREATE TRIGGER ??.clock_ahead BEFORE UPDATE ON ??.clock_marker FOR EACH ROW SET NEW.at = NEW.at + INTERVAL 1 HOUR',
      [ledgerName, ledgerName],
    );
    try {
      await until('it is said', () => Promise.resolve(under.log.says('gateway-time-refused')));
      const first = await tried();
      await until('it is refused again and again', async () => (await tried()) > first + 2);
      expect(under.log.says('heartbeats arrive again')).toBe(false);
      expect(Date.parse((await under.heartbeat())?.t ?? kept)).toBeLessThan(Date.now() + TIMES.clockAhead);
      expect(await generation()).toBe(before);
    } finally {
      await adminSql('DROP TRIGGER ??.clock_ahead', [ledgerName]);
    }
    const after = await clock();
    await until('heartbeats arrive again', async () => ((await under.heartbeat())?.t ?? '') > after);
    expect(Date.parse((await under.heartbeat())?.t ?? '')).toBeLessThan(Date.now() + TIMES.clockAhead);
  });
});
