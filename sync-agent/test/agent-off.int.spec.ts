import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newResult, signReport } from 'infra/openemr-sim/clinic-labs';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { parseInviteCode } from 'sync-contract/invite';
import { ReceiptsContent } from 'sync-contract/receipt';
import { ResultYearsContent } from 'sync-contract/section-content';
import { ccdRequestStream, releaseWishStream } from 'sync-contract/submission';
import { buildMessage } from '../../portal-api/test/submissions-under-test.js';
import { Invite } from '../src/ledger/enrolment.entities.js';
import { Submission } from '../src/ledger/submission.entities.js';
import { ReplicateModule } from '../src/replicate/replicate.module.js';
import { readHeartbeat, readStoredChart } from './agent-under-test.js';
import type { JoinedPatient } from './collect-test-dmz.js';
import { CrossingUnderTest, until } from './crossing-under-test.js';
import { SITE } from './deliver-under-test.js';

const PID = 5005;
const LATE = 5006;
const IN_TIME = 5007;
const DAY_OLD = 'INTERVAL 1 DAY';

let crossing: CrossingUnderTest;
let patient: JoinedPatient;

beforeAll(async () => {
  crossing = await CrossingUnderTest.start('agent_off', ReplicateModule);
  patient = await crossing.join(PID);
  await until('the chart in the DMZ', async () => (await profile()) !== null);
  await until('a heartbeat', async () => (await readHeartbeat(crossing.dmz)) !== null);
});
afterAll(async () => {
  await crossing[Symbol.asyncDispose]();
});

/** What the DMZ holds of the patient's chart, opened. */
const sections = async (): Promise<ReadonlyMap<string, unknown>> => {
  const { ledger, keys } = crossing.inside;
  const chart = await readStoredChart({ portal: crossing.dmz, ledger, keys, siteId: SITE }, patient.patientRef);
  return chart?.sections ?? new Map<string, unknown>();
};
const profile = async (): Promise<string | null> => {
  const section = (await sections()).get('profile');
  return section === undefined ? null : JSON.stringify(section);
};

const ownCopyHasGone = (submissionId: string): Promise<unknown> =>
  until(
    'the own copy has gone',
    async () =>
      (await crossing.count('SELECT COUNT(*) AS n FROM own_copy WHERE submission_id = ?', [
        Buffer.from(submissionId.replaceAll('-', ''), 'hex'),
      ])) === 0,
  );

it('a request for a C-CDA that the practice does not offer is answered so, and its own copy goes', async () => {
  const range = { from: null, to: '2026-01-01' };
  const { submissionId } = await crossing.portal.service.submit({
    ...buildMessage(patient),
    kind: 'ccd-request',
    stream: { id: ccdRequestStream(patient.patientRef), claims: true },
    request: range,
    payload: (_stream, at) => ({ ...range, requestedAt: at.toISOString() }),
  });
  await ownCopyHasGone(submissionId);
  const { receipts } = ReceiptsContent.parse((await sections()).get('receipts'));
  expect(receipts).toContainEqual(
    expect.objectContaining({ submissionId, kind: 'ccd-request', state: 'refused', reason: 'ccd-not-offered' }),
  );
  expect((await sections()).get('documents')).not.toHaveProperty('ccd');
});

describe('a wish that new results wait', () => {
  const send = async (wish: 'wait' | 'at-once' | 'show', resultId: string | null = null): Promise<string> => {
    const { patientRef } = patient;
    const { submissionId } = await crossing.portal.service.submit({
      ...buildMessage(patient),
      kind: 'release-wish',
      stream: { id: releaseWishStream(patientRef), claims: true },
      request: { wish, resultId },
      payload: (_stream, at) => ({ wish, resultId, wishedAt: at.toISOString() }),
    });
    await ownCopyHasGone(submissionId);
    return submissionId;
  };
  const index = async (): Promise<ResultYearsContent> => ResultYearsContent.parse((await sections()).get('results'));
  const whole = async (): Promise<string> => JSON.stringify([...(await sections())]);
  const test = { pid: PID, loinc: '2345-7', name: 'Waits', units: 'mg/dL' };

  it('goes in as every submission does, holds from then on, ends with the signature, and is answered by a receipt', async () => {
    const { clinic } = crossing.inside;
    const sent = await send('wait');
    expect(await index()).toMatchObject({ wish: { waiting: [] } });
    const { receipts } = ReceiptsContent.parse((await sections()).get('receipts'));
    expect(receipts).toContainEqual(expect.objectContaining({ submissionId: sent, state: 'in-chart' }));

    const { reportId } = await newResult(clinic, { ...test, value: '71.07', comment: 'canary comment' });
    await until('the notice of it', async () => (await index()).wish?.waiting.length === 1);
    expect(await whole()).not.toMatch(/71\.07|canary comment/);
    await signReport(clinic, reportId);
    await until('the result', async () => (await whole()).includes('71.07'));
    expect((await index()).wish).toEqual({ waiting: [] });
  });

  it('lets one result through that the patient asks for, and all when it is taken back', async () => {
    const { clinic } = crossing.inside;
    await newResult(clinic, { ...test, value: '72.07' });
    await until('the notice of it', async () => (await index()).wish?.waiting.length === 1);
    await send('show', (await index()).wish?.waiting[0]?.id);
    expect(await whole()).toContain('72.07');
    await newResult(clinic, { ...test, value: '73.07' });
    await until('the notice of it', async () => (await index()).wish?.waiting.length === 1);
    expect(await whole()).not.toContain('73.07');
    await send('at-once');
    expect(await whole()).toContain('73.07');
    expect((await index()).wish).toBeUndefined();
  });
});

/** The day goes by in the rows: what both databases say of times moves back, the clocks stay. */
describe('an agent that was off for a day', () => {
  /** T of the patient's chart as the DMZ has it. */
  const claimed = async (): Promise<string> => {
    const heartbeat = await readHeartbeat(crossing.dmz);
    const own = heartbeat?.exceptions.find(({ patientRef }) => patientRef === patient.patientRef);
    return own?.t ?? heartbeat?.t ?? '';
  };

  const aDayGoesBy = async (): Promise<void> => {
    const { ledger } = crossing.inside;
    await crossing.dmz.query(`UPDATE outbox SET created_at = created_at - ${DAY_OLD}`);
    await ledger.query(`UPDATE marker_seen SET at = at - ${DAY_OLD}`);
    await ledger.query(`UPDATE feed_position SET committed_at = committed_at - ${DAY_OLD}`);
    await ledger.query(`UPDATE chart SET failed_t = failed_t - ${DAY_OLD}`);
  };

  it('loses nothing, keeps each stream’s order, and claims no time whose changes the DMZ lacks', async () => {
    const { inside, portal } = crossing;
    const { ledger } = inside;
    const late = await crossing.invite(LATE);
    const inTime = await crossing.invite(IN_TIME);
    const before = (await inside.mails()).length;
    await crossing.stopAgent();

    // Somebody accepts in time; the invite expires before anybody inside hears of it. Somebody else is late.
    const accepted = await crossing.accept(IN_TIME, inTime);
    await ledger.manager.update(Invite, { inviteId: parseInviteCode(inTime).inviteId }, { expiresAt: new Date() });
    const expired = new Date(Date.now() - 3_600_000);
    await ledger.manager.update(Invite, { inviteId: parseInviteCode(late).inviteId }, { expiresAt: expired });
    const refused = await crossing.accept(LATE, late);

    // One thread, whose first message a lease held that nobody ever acknowledged.
    const first = await portal.service.submit(buildMessage({ ...patient, text: 'one' }));
    for (const text of ['two', 'three']) {
      const stream = { id: first.stream, claims: false };
      await portal.service.submit(buildMessage({ ...patient, text, threadId: first.stream, stream }));
    }
    await crossing.dmz.query(
      `UPDATE outbox SET state = 'LEASED', lease = REPEAT('x', 16), leased_until = UTC_TIMESTAMP(3) - ${DAY_OLD}
        WHERE stream = ? AND stream_seq = 1`,
      [Buffer.from(first.stream, 'hex')],
    );
    await aDayGoesBy();
    await changeDemographics(inside.clinic, { pid: PID, street: '1 Day Later' });
    const changed = new Date().toISOString();

    await crossing.startAgent();
    const claims: string[] = [];
    await until('the change in the DMZ', async () => {
      // A claim read before the chart: the chart can only be newer.
      const claim = await claimed();
      const has = (await profile())?.includes('1 Day Later') === true;
      if (!has) {
        claims.push(claim);
      }
      return has;
    });
    expect(claims.filter((claim) => claim >= changed)).toEqual([]);
    await until('the time of the chart', async () => (await claimed()) > changed);

    await until('the rows in OpenEMR', async () => (await inside.mails()).length === before + 6);
    const bodies = (await inside.mails())
      .slice(before)
      .filter(({ owner }) => owner === 'admin')
      .map(({ body }) => String(body));
    expect(bodies).toEqual(['<p>one</p>', '<p>two</p>', '<p>three</p>']);
    const outcome = async (accountRef: string): Promise<string | undefined> =>
      (await ledger.manager.findOneBy(Submission, { accountRef, kind: 'enrolment' }))?.state;
    await until('the acceptance made in time', async () => (await outcome(accepted)) === 'DONE');
    await until('the refusal', async () => (await outcome(refused)) === 'REFUSED');
    await until(
      'an empty outbox',
      async () => (await crossing.count("SELECT COUNT(*) AS n FROM outbox WHERE state <> 'ACKED'", [])) === 0,
    );
    expect(await ledger.manager.countBy(Submission, { state: 'QUARANTINED' })).toBe(0);
  });
});
