import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { chartAsOf, sectionAsOf } from 'sync-contract/claimed-time';
import type { Manifest } from 'sync-contract/manifest';
import { deriveClassKey, sectionId } from 'sync-contract/section';
import { Chart } from '../src/ledger/chart.entity.js';
import { writeClockMarker } from '../src/replicate/clock-marker.js';
import { readCurrency, type Currency } from '../src/replicate/currency.js';
import { AgentUnderTest, openClinic, until } from './agent-under-test.js';

const PIDS = [5001, 5002, 5003, 5004];
const WRITERS = 3;
const ROUNDS = 12;

/** Small and repeatable: the seed is in the test's name when it fails. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

interface Committed {
  pid: number;
  /** grows with every commit of this pid, assigned under the row's lock */
  number: number;
  /** by the database's clock, just after the commit returned */
  at: string;
}

describe.each(['binlog', 'polling'] as const)('the time a chart claims to be current as of, by %s,', (feed) => {
  let under: AgentUnderTest;
  const refs = new Map<number, string>();
  /** ids of the sections */
  const profiles = new Map<number, string>();
  const writers: Connection[] = [];

  beforeAll(async () => {
    under = await AgentUnderTest.start(`currency_${feed}`, { feed });
    for (const pid of PIDS) {
      refs.set(pid, await under.invite(pid));
    }
    await under.startAgent();
    for (const ref of refs.values()) {
      await until('the chart is pushed', async () => (await under.stored(ref)) !== null);
    }
    for (const { pid, patientRef, epoch, chartKeyWrapped } of await under.ledger.manager.find(Chart)) {
      const chartKey = under.keys.unwrapChartKey(patientRef, epoch, chartKeyWrapped);
      profiles.set(pid, sectionId(deriveClassKey(chartKey, 'profile'), 'profile'));
    }
    for (let i = 0; i < WRITERS; i += 1) {
      writers.push(await openClinic(under.zones, under.databases.openemr));
    }
  });

  afterAll(async () => {
    await Promise.all(writers.map((writer) => writer.end()));
    await under[Symbol.asyncDispose]();
  });

  it.each([11, 22, 33])('is never later than a commit its sections lack (seed %i)', async (seed) => {
    const random = randomOf(seed);
    const committed: Committed[] = [];
    let writing = true;

    const write = async (connection: Connection): Promise<void> => {
      for (let round = 0; round < ROUNDS; round += 1) {
        await connection.beginTransaction();
        const touched = new Map<number, number>();
        for (const pid of PIDS.filter(() => random() < 0.5)) {
          const number = 1 + (await numberOfRow(connection, pid));
          touched.set(pid, number);
          await connection.query('UPDATE patient_data SET street = ? WHERE pid = ?', [`no. ${String(number)}`, pid]);
          await pause(random() * 40);
        }
        if (random() < 0.15) {
          await connection.rollback();
          continue;
        }
        await connection.commit();
        const at = await clockOf(connection);
        touched.forEach((number, pid) => committed.push({ pid, number, at }));
        await pause(random() * 60);
      }
    };
    const mark = async (): Promise<void> => {
      while (writing) {
        await writeClockMarker(under.ledger);
        await pause(20 + random() * 80);
      }
    };
    /** Whether a chart shows less than was committed up to `t`. */
    const lacks = (pid: number, shown: number, t: string, known: readonly Committed[]): boolean =>
      known.some((each) => each.pid === pid && each.at < t && each.number > shown);
    let checks = 0;
    let caughtWithoutMarkers = 0;
    const check = async (): Promise<void> => {
      const currency = await readCurrency(under.ledger.manager);
      const now = await clockOf(under.clinic);
      const known = [...committed];
      for (const pid of PIDS) {
        const ref = refs.get(pid) ?? '';
        const stored = await under.stored(ref);
        const t = claimedByPage(stored?.manifest, profiles.get(pid) ?? '', claimed(currency, ref));
        const shown = numberIn(JSON.stringify(stored?.sections.get('profile')));
        expect({ seed, pid, t, shown, lacks: lacks(pid, shown, t, known) }).toMatchObject({ lacks: false });
        checks += known.some((each) => each.pid === pid && each.at < t) ? 1 : 0;
        caughtWithoutMarkers += lacks(pid, shown, now, known) ? 1 : 0;
      }
    };
    const watch = async (): Promise<void> => {
      while (writing) {
        await check();
        await pause(random() * 50);
      }
    };
    const marking = mark();
    const watching = watch();
    await Promise.all(writers.map((writer) => write(writer)));
    writing = false;
    await Promise.all([marking, watching]);
    const end = await clockOf(under.clinic);
    await until('every chart claims the last commit', async () => {
      await writeClockMarker(under.ledger);
      await check();
      const currency = await readCurrency(under.ledger.manager);
      return [...refs.values()].every((ref) => claimed(currency, ref) > end);
    });
    await check();
    // Full passes take longer than clock markers, so that fewer of the looks had something to hold against a chart.
    expect(checks).toBeGreaterThan(feed === 'binlog' ? 10 : PIDS.length);
    // The control: a replica that claimed "now" instead would have been caught.
    expect(caughtWithoutMarkers).toBeGreaterThan(0);
    for (const pid of PIDS) {
      const shown = numberIn(JSON.stringify((await under.stored(refs.get(pid) ?? ''))?.sections.get('profile')));
      expect(shown).toBe(await numberOfRow(under.clinic, pid));
    }
  });
});

/** As the portal's page of this section: the later of the section's time and that of the whole chart. */
function claimedByPage(manifest: Manifest | undefined, id: string, t: string): string {
  const own = manifest?.sections.find((entry) => entry.id === id);
  if (manifest === undefined || own === undefined) {
    return t;
  }
  const held = { madeAt: manifest.asOf, receivedAt: Date.now(), t: t === '' ? null : t, now: Date.now() };
  const [one, all] = [sectionAsOf(own, held) ?? '', chartAsOf(manifest.sections, held) ?? ''];
  return one > all ? one : all;
}

/** '' while nothing is claimed. */
function claimed(currency: Currency | null, ref: string): string {
  return currency?.exceptions.get(ref) ?? currency?.practice ?? '';
}

/** Cut to the milliseconds that the heartbeat carries: only one that is smaller is certainly earlier. */
async function clockOf(connection: Connection): Promise<string> {
  const [rows] = await connection.query("SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%f') AS at");
  const [{ at }] = z.tuple([z.object({ at: z.string() })]).parse(rows);
  return `${at.slice(0, 23)}Z`;
}

function numberIn(text: string | undefined): number {
  return Number(/no\. (\d+)/.exec(text ?? '')?.[1] ?? 0);
}

/** The row stays locked until the caller's transaction ends, if there is one. */
async function numberOfRow(connection: Connection, pid: number): Promise<number> {
  const [rows] = await connection.query('SELECT street FROM patient_data WHERE pid = ? FOR UPDATE', [pid]);
  return numberIn(JSON.stringify(rows));
}
