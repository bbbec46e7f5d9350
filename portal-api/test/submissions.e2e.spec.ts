import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Envelope, openEnvelope } from 'sync-contract/envelope';
import { newRef } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import { openOwnCopy } from 'sync-contract/own-copy';
import { DataSource } from 'typeorm';
import type { TestDatabases } from 'infra/services/test-services';
import { dataSourceOptions } from '../src/database/data-source.js';
import { hexBytes, uuidBytes } from '../src/database/hex-column.js';
import { SendMessage } from '../src/submissions/messages.service.js';
import { DAILY_SUBMISSIONS } from '../src/submissions/submissions.service.js';
import {
  ClinicKeysMissing,
  IdempotencyConflict,
  ThreadNotFound,
  TooManySubmissions,
} from '../src/submissions/submission.problems.js';
import { databaseOf, freshPortalDatabase, newInsideKeys, redisOf, type InsideKeys } from './gateway-under-test.js';
import { NO_ORIGIN, SubmissionsUnderTest, buildMessage } from './submissions-under-test.js';

describe('submissions', () => {
  const site = randomUUID();
  let keys: InsideKeys;
  let databases: TestDatabases;
  let database: DataSource;
  let submissions: SubmissionsUnderTest;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    keys = await newInsideKeys(site);
    ({ databases, database } = await freshPortalDatabase('submissions'));
    submissions = await start();
    await storeKeys();
  });
  afterAll(async () => {
    await submissions[Symbol.asyncDispose]();
    await database.destroy();
    await databases.drop();
  });

  async function start(redis = redisOf('portal_api')): Promise<SubmissionsUnderTest> {
    return SubmissionsUnderTest.start({
      site,
      rootPublicKey: keys.rootPublicKey,
      databaseName: databases.portal,
      redis,
    });
  }

  async function storeKeys(statements = keys.statements): Promise<void> {
    await database.query('DELETE FROM key_statement');
    for (const signed of statements) {
      const kid = createHash('sha256').update(signed.signature).digest('hex').slice(0, 16);
      await database.query('INSERT INTO key_statement (kid, signed) VALUES (?, ?)', [kid, JSON.stringify(signed)]);
    }
  }

  async function countOf(table: 'outbox' | 'own_copy' | 'receipt' | 'stream', accountRef: string): Promise<number> {
    const [row] = await database.query<{ n: string }[]>(`SELECT COUNT(*) AS n FROM ${table} WHERE account_ref = ?`, [
      hexBytes(accountRef),
    ]);
    return Number(row?.n);
  }

  test('one commit brings envelope, own copy, receipt and audit entry, and each opens with its key only', async () => {
    const message = buildMessage({ text: 'Grüße – ١٢٣ – 𝄞' });
    const saved = await submissions.service.submit(message);
    const [row] = await database.query<{ envelope: string; sealed: Buffer; state: string; audited: string }[]>(
      `SELECT o.envelope, c.sealed, r.state,
         (SELECT COUNT(*) FROM audit_entry WHERE JSON_VALUE(body, '$.object') = ? AND JSON_VALUE(body, '$.action') = 'submission') AS audited
       FROM outbox o JOIN own_copy c USING (submission_id) JOIN receipt r USING (submission_id) WHERE submission_id = ?`,
      [saved.submissionId, uuidBytes(saved.submissionId)],
    );
    expect(row).toMatchObject({ state: 'saved', audited: expect.anything() });
    expect(Number(row?.audited)).toBe(1);
    const envelope = Envelope.parse(JSON.parse(row?.envelope ?? ''));
    expect(envelope.header).toMatchObject({
      stream: saved.stream,
      streamSeq: 1,
      submissionId: saved.submissionId,
      site,
    });
    const text = { body: 'Grüße – ١٢٣ – 𝄞', threadId: saved.stream };
    expect(await openEnvelope(envelope, site, keys.seal.privateKey)).toMatchObject(text);
    const header = { site, patientRef: message.patientRef, submissionId: saved.submissionId };
    expect(openOwnCopy(message.copyKey, header, row?.sealed ?? Buffer.alloc(0))).toMatchObject(text);
    expect(() => openOwnCopy(randomBytes(32), header, row?.sealed ?? Buffer.alloc(0))).toThrow();
    const [whole] = await database.query<Record<string, unknown>[]>('SELECT * FROM outbox WHERE submission_id = ?', [
      uuidBytes(saved.submissionId),
    ]);
    expect(JSON.stringify(whole)).not.toContain('Grüße');
  });

  test('100 requests at once with one key are one submission, and all get the same answer', async () => {
    const message = buildMessage();
    const answers = await Promise.all(Array.from({ length: 100 }, async () => submissions.service.submit(message)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    for (const table of ['outbox', 'own_copy', 'receipt', 'stream'] as const) {
      expect([table, await countOf(table, message.accountRef)]).toEqual([table, 1]);
    }
  });

  test('one key with another body is refused and adds nothing; another account may use the same key', async () => {
    const message = buildMessage();
    await submissions.service.submit(message);
    await expect(
      submissions.service.submit(buildMessage({ ...message, request: { body: 'other' } })),
    ).rejects.toBeInstanceOf(IdempotencyConflict);
    expect(await countOf('outbox', message.accountRef)).toBe(1);
    const other = buildMessage({ idempotencyKey: message.idempotencyKey });
    await submissions.service.submit(other);
    expect(await countOf('outbox', other.accountRef)).toBe(1);
  });

  test('a stream’s numbers have no gap and no double under concurrency, also when some requests fail', async () => {
    const sender = { accountRef: newRef(), patientRef: newRef(), copyKey: randomBytes(32) };
    const { stream } = await submissions.service.submit(buildMessage(sender));
    await Promise.allSettled(
      Array.from({ length: 60 }, async (_, index) =>
        submissions.service.submit(
          buildMessage({
            ...sender,
            threadId: stream,
            ...(index % 5 === 0
              ? {
                  payload: () => {
                    throw new Error('no payload');
                  },
                }
              : {}),
          }),
        ),
      ),
    );
    const rows = await database.query<{ stream_seq: number }[]>(
      'SELECT stream_seq FROM outbox WHERE stream = ? ORDER BY stream_seq',
      [hexBytes(stream)],
    );
    expect(rows.map((row) => row.stream_seq)).toEqual(Array.from({ length: 49 }, (_, index) => index + 1));
  });

  test('a thread of another chart, or of an account, is not found', async () => {
    const message = buildMessage();
    const { stream } = await submissions.service.submit(message);
    await expect(submissions.service.submit(buildMessage({ threadId: stream }))).rejects.toBeInstanceOf(ThreadNotFound);
    await expect(submissions.service.submit(buildMessage({ threadId: newRef() }))).rejects.toBeInstanceOf(
      ThreadNotFound,
    );
    const claimed = buildMessage({ stream: { id: stream, claims: true } });
    await expect(submissions.service.submit(claimed)).rejects.toBeInstanceOf(ThreadNotFound);
    expect(await countOf('outbox', claimed.accountRef)).toBe(0);
  });

  test('a thread that the clinic began gets its stream from the first reply, whoever of many is first', async () => {
    const sender = { accountRef: newRef(), patientRef: newRef(), copyKey: randomBytes(32) };
    const threadId = newRef();
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () =>
        submissions.service.submit(buildMessage({ ...sender, stream: { id: threadId, claims: true } })),
      ),
    );
    expect(answers.map((answer) => answer.streamSeq).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('the daily number is a limit, and a repeated request still gets its answer', async () => {
    const sender = { accountRef: newRef(), patientRef: newRef(), copyKey: randomBytes(32) };
    const first = buildMessage(sender);
    const saved = await submissions.service.submit(first);
    await database.query(
      `INSERT INTO receipt (submission_id, account_ref, kind, state, saved_at)
       SELECT UNHEX(MD5(CONCAT(seq, ?))), ?, 'message', 'saved', UTC_TIMESTAMP(3) FROM seq_1_to_${String(DAILY_SUBMISSIONS - 1)}`,
      [sender.accountRef, hexBytes(sender.accountRef)],
    );
    await expect(submissions.service.submit(buildMessage(sender))).rejects.toBeInstanceOf(TooManySubmissions);
    expect(await submissions.service.submit(first)).toEqual(saved);
    await database.query('UPDATE receipt SET saved_at = DATE_SUB(saved_at, INTERVAL 25 HOUR) WHERE account_ref = ?', [
      hexBytes(sender.accountRef),
    ]);
    expect(await submissions.service.submit(buildMessage(sender))).toMatchObject({ state: 'saved' });
  });

  test.each([
    ['answers nothing', 'silent'],
    ['refuses connections', 'closed'],
  ])('are durable and answered while Redis %s', async (_what, how) => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    if (how === 'closed') {
      await new Promise((resolve) => silent.close(resolve));
    }
    await using lonely = await start({ ...redisOf('portal_api'), port });
    const message = buildMessage();
    await lonely.service.submit(message);
    expect(await countOf('outbox', message.accountRef)).toBe(1);
    silent.close();
  });

  test('an enrolment joins its caller’s transaction, keeps no copy, and follows the earlier ones in order', async () => {
    const accountRef = newRef();
    const payload = {
      inviteId: 'a1b2c3d4e5',
      accountRef,
      publicKey: keys.seal.publicKey.toString('base64url'),
      proof: randomBytes(32).toString('hex'),
      dateOfBirth: '1984-02-29',
    };
    const enrolment = { accountRef, accountKey: randomBytes(32), payload, origin: NO_ORIGIN };
    const portal = await new DataSource(dataSourceOptions(databaseOf('portal_api', databases.portal))).initialize();
    const undone = portal.transaction(async (manager) => {
      await submissions.service.submitEnrolment(manager, enrolment);
      throw new Error('the account could not be made');
    });
    await expect(undone).rejects.toThrow('could not be made');
    expect(await countOf('outbox', accountRef)).toBe(0);
    for (const streamSeq of [1, 2]) {
      const saved = await portal.transaction(async (manager) =>
        submissions.service.submitEnrolment(manager, enrolment),
      );
      expect(saved).toMatchObject({ streamSeq, stream: accountRef });
    }
    await portal.destroy();
    expect([await countOf('outbox', accountRef), await countOf('own_copy', accountRef)]).toEqual([2, 0]);
    const rows = await database.query<{ envelope: string }[]>('SELECT envelope FROM outbox WHERE account_ref = ?', [
      hexBytes(accountRef),
    ]);
    expect(JSON.stringify(rows)).not.toContain('1984');
    expect(await openEnvelope(Envelope.parse(JSON.parse(rows[0]?.envelope ?? '')), site, keys.seal.privateKey)).toEqual(
      payload,
    );
  });

  test('nothing is taken while no key of the clinic verifies: none, forged, of another site', async () => {
    const forged = await newInsideKeys(site);
    const foreign = await newInsideKeys(randomUUID());
    for (const statements of [[], forged.statements, foreign.statements]) {
      await storeKeys(statements);
      const message = buildMessage();
      await expect(submissions.service.submit(message)).rejects.toBeInstanceOf(ClinicKeysMissing);
      expect(await countOf('receipt', message.accountRef)).toBe(0);
    }
    await storeKeys();
    expect(await submissions.service.submit(buildMessage())).toMatchObject({ state: 'saved' });
  });
});

describe('what a person may write', () => {
  const good = { threadId: null, topic: 'General', subject: 'A question', body: 'x' };

  test.each([
    ['one character', { body: 'x' }],
    ['20,000 characters beyond the basic plane', { body: '𝄞'.repeat(LIMITS.messageCharacters) }],
    ['markup, which stays text', { body: '<script>alert(1)</script>' }],
    ['right-to-left writing with its marks', { body: 'שלום \u200f(1)' }],
    ['no subject', { subject: '' }],
  ])('%s', (_what, change) => {
    expect(SendMessage.safeParse({ ...good, ...change }).success).toBe(true);
  });

  test.each([
    ['nothing', { body: '' }],
    ['white space only', { body: ' \n\t ' }],
    ['20,001 characters', { body: 'x'.repeat(LIMITS.messageCharacters + 1) }],
    ['100,000 characters', { body: 'x'.repeat(100_000) }],
    ['a bidirectional override', { body: 'pay \u202egro.live' }],
    ['a control character', { body: 'a\u0000b' }],
    ['half a surrogate pair', { body: 'a\ud800b' }],
    ['a subject of two lines', { subject: 'a\nb' }],
    ['an unknown topic', { topic: 'Root' }],
    ['a thread id that is none', { threadId: '1' }],
    ['a number as text', { body: 1 }],
    ['a field more', { from: 'staff' }],
  ])('not %s', (_what, change) => {
    expect(SendMessage.safeParse({ ...good, ...change }).success).toBe(false);
  });
});
