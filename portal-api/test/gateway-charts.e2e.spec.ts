import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ChartConflict, HeartbeatConflict, type ChartBatchRequest } from 'sync-contract/gateway-wire';
import { TIMES } from 'sync-contract/limits';
import { newRef } from 'sync-contract/identifiers';
import { newSigningPair, signingKey, statementHash } from 'sync-contract/signed';
import { v7 as uuidv7 } from 'uuid';
import { AuditService } from '../src/audit/audit.service.js';
import { GatewayUnderTest } from './gateway-under-test.js';
import { buildHeartbeat, buildLeaf, buildManifest, buildSection, type BuiltSection } from './replica-builders.js';
import type { Answer } from './test-agent.js';

describe('charts at the gateway', () => {
  let gateway: GatewayUnderTest;
  const forger = signingKey(newSigningPair().privateKey);

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('gateway_charts');
    await gateway.handOverKeys();
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  function batch(
    patientRef: string,
    seq: number,
    named: BuiltSection[],
    changes: Partial<ChartBatchRequest> & {
      era?: number;
      sent?: BuiltSection[];
      key?: typeof forger;
      site?: string;
    } = {},
  ): Omit<ChartBatchRequest, 'v'> {
    const { era = 1, sent = named, key = gateway.keys.sign, site = gateway.site, ...rest } = changes;
    return {
      patientRef,
      manifest: buildManifest(
        key,
        { site, patientRef, era, seq },
        named.map((section) => section.entry),
      ),
      sections: sent.map((section) => section.sent),
      settles: [],
      ...rest,
    };
  }

  async function push(body: Omit<ChartBatchRequest, 'v'>): Promise<Answer> {
    return gateway.call('chartBatch', body);
  }

  async function stored(patientRef: string): Promise<unknown> {
    return (await gateway.call('chartState', { patientRef })).body;
  }

  function stateOf(seq: number, body: Omit<ChartBatchRequest, 'v'>, sections: BuiltSection[], era = 1): unknown {
    return {
      version: { era, seq },
      manifestHash: statementHash(body.manifest),
      sections: sections
        .map(({ entry }) => ({ id: entry.id, version: entry.version, sha256: entry.sha256 }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    };
  }

  test('an unknown chart has no state', async () => {
    expect(await stored(newRef())).toEqual({ version: null, manifestHash: null, sections: [] });
  });

  test('a batch replaces exactly what its manifest says: changed comes, unchanged stays, unnamed goes', async () => {
    const patientRef = newRef();
    const [a, b, c] = [buildSection(), buildSection(), buildSection()];
    const first = batch(patientRef, 1, [a, b, c]);
    expect(await push(first)).toMatchObject({ status: 200, body: { version: { era: 1, seq: 1 } } });
    expect(await stored(patientRef)).toEqual(stateOf(1, first, [a, b, c]));

    const changed = buildSection({ id: a.entry.id, version: { era: 1, seq: 2 } });
    const second = batch(patientRef, 2, [changed, b], { sent: [changed] });
    expect((await push(second)).status).toBe(200);
    expect(await stored(patientRef)).toEqual(stateOf(2, second, [changed, b]));
    const [row] = await gateway.database.query<{ sealed: Buffer }[]>(
      'SELECT sealed FROM section WHERE section_id = ?',
      [Buffer.from(a.entry.id, 'hex')],
    );
    expect(row?.sealed.toString('base64')).toBe(changed.sent.sealed);
  });

  test('sections of several megabytes arrive whole', async () => {
    const patientRef = newRef();
    const sections = [
      buildSection({ bytes: randomBytes(8 * 1024 * 1024) }),
      buildSection({ bytes: randomBytes(3 * 1024 * 1024) }),
      buildSection(),
    ];
    const body = batch(patientRef, 1, sections);
    expect((await push(body)).status).toBe(200);
    expect(await stored(patientRef)).toEqual(stateOf(1, body, sections));
  });

  test('the same batch again answers 200 and changes nothing, also while the first is being applied', async () => {
    const patientRef = newRef();
    const body = batch(patientRef, 1, [buildSection(), buildSection()]);
    const answers = await Promise.all(Array.from({ length: 8 }, async () => push(body)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200));
    const [audited] = await gateway.database.query<{ entries: string }[]>(
      "SELECT COUNT(*) AS entries FROM audit_entry WHERE JSON_VALUE(body, '$.onBehalfOf') = ? AND JSON_VALUE(body, '$.action') = 'gateway-chart-batch'",
      [patientRef],
    );
    expect(Number(audited?.entries)).toBe(1);
  });

  test('whose charts people look at is told, the last one first, whatever the agent does to charts', async () => {
    const audit = gateway.app.get(AuditService);
    const [account, first, second, pushed] = [newRef(), newRef(), newRef(), newRef()];
    await push(batch(pushed, 1, [buildSection()]));
    for (const onBehalfOf of [first, second, second, first]) {
      await audit.record({ action: 'chart-read', outcome: 'ok', actor: account, onBehalfOf });
    }
    await audit.record({ action: 'gateway-chart-batch', outcome: 'ok', actor: 'agent', onBehalfOf: pushed });
    await audit.record({ action: 'sign-out', outcome: 'ok', actor: account });
    expect(await gateway.call('openCharts', {})).toMatchObject({ status: 200, body: { charts: [first, second] } });
  });

  test.each([
    ['an older number', 4, 1],
    ['the same number with another content', 5, 1],
    ['an older era with a higher number', 99, 1],
  ])('%s is refused with the stored state, which stays', async (what, seq, era) => {
    const patientRef = newRef();
    await gateway.beginEra(2);
    const held = buildSection({ version: { era: 2, seq: 5 } });
    const heldEra = what.includes('era') ? 2 : 1;
    const current = batch(patientRef, 5, [held], { era: heldEra });
    expect((await push(current)).status).toBe(200);
    const answer = await push(batch(patientRef, seq, [buildSection()], { era }));
    expect(answer.status).toBe(409);
    expect(ChartConflict.parse(answer.body)).toMatchObject({
      code: 'chart-conflict',
      chart: stateOf(5, current, [held], heldEra),
      missing: [],
    });
    expect(await stored(patientRef)).toEqual(stateOf(5, current, [held], heldEra));
  });

  test('bytes that are neither sent nor stored are named, and nothing of the batch is kept', async () => {
    const patientRef = newRef();
    const held = buildSection();
    const current = batch(patientRef, 1, [held]);
    await push(current);
    const [known, absent] = [
      buildSection({ version: { era: 1, seq: 2 } }),
      buildSection({ version: { era: 1, seq: 2 } }),
    ];
    const otherVersion = buildSection({ id: held.entry.id, version: { era: 1, seq: 2 } });
    const answer = await push(batch(patientRef, 2, [known, absent, otherVersion], { sent: [known] }));
    expect(answer.status).toBe(409);
    expect(ChartConflict.parse(answer.body).missing.sort()).toEqual([absent.entry.id, otherVersion.entry.id].sort());
    expect(await stored(patientRef)).toEqual(stateOf(1, current, [held]));
  });

  test('concurrent batches of one chart end in the newest, whole', async () => {
    const patientRef = newRef();
    const bodies = Array.from({ length: 8 }, (_, index) => {
      const sections = [
        buildSection({ version: { era: 1, seq: index + 1 } }),
        buildSection({ version: { era: 1, seq: index + 1 } }),
      ];
      return { seq: index + 1, sections, body: batch(patientRef, index + 1, sections) };
    });
    const answers = await Promise.all(bodies.map(async ({ body }) => push(body)));
    for (const answer of answers) {
      expect([200, 409]).toContain(answer.status);
    }
    const newest = bodies.at(-1);
    expect(answers.at(-1)?.status).toBe(200);
    expect(await stored(patientRef)).toEqual(newest && stateOf(newest.seq, newest.body, newest.sections));
  });

  describe('refuses and keeps nothing of', () => {
    const forgeries: [string, (patientRef: string) => Omit<ChartBatchRequest, 'v'>, string][] = [
      [
        'a manifest that another key signed',
        (ref) => batch(ref, 1, [buildSection()], { key: forger }),
        'statement-refused',
      ],
      [
        'a manifest that the root signed',
        (ref) => batch(ref, 1, [buildSection()], { key: gateway.keys.root }),
        'statement-refused',
      ],
      [
        'a manifest of another site',
        (ref) => batch(ref, 1, [buildSection()], { site: '3f0e1f3a-8a39-4a3b-9a54-0f4cf3a1b111' }),
        'statement-refused',
      ],
      [
        'a manifest of another chart',
        (ref) => ({ ...batch(newRef(), 1, [buildSection()]), patientRef: ref }),
        'statement-refused',
      ],
      [
        'a manifest with an altered body',
        (ref) => {
          const body = batch(ref, 1, [buildSection()]);
          return { ...body, manifest: { ...body.manifest, body: body.manifest.body.replace('"seq":1', '"seq":7') } };
        },
        'statement-refused',
      ],
      [
        'a section with other bytes',
        (ref) => {
          const section = buildSection();
          return batch(ref, 1, [section], { sections: [{ ...section.sent, sealed: buildSection().sent.sealed }] });
        },
        'section-refused',
      ],
      [
        'a section with another version',
        (ref) => {
          const section = buildSection();
          return batch(ref, 1, [section], { sections: [{ ...section.sent, version: { era: 1, seq: 9 } }] });
        },
        'section-refused',
      ],
      [
        'a section the manifest does not name',
        (ref) => batch(ref, 1, [], { sent: [buildSection()] }),
        'section-refused',
      ],
      [
        'a section that comes twice',
        (ref) => {
          const section = buildSection();
          return batch(ref, 1, [section], { sent: [section, section] });
        },
        'section-refused',
      ],
    ];

    test.each(forgeries)('%s', async (_what, make, code) => {
      const patientRef = newRef();
      const answer = await push(make(patientRef));
      expect(answer).toMatchObject({ status: 422, body: { code } });
      expect(await stored(patientRef)).toEqual({ version: null, manifestHash: null, sections: [] });
    });
  });

  test('what the chart contains now is no longer kept as the sender’s own copy; copies of other charts stay', async () => {
    const [patientRef, otherChart] = [newRef(), newRef()];
    const [settled, waiting, foreign] = [uuidv7(), uuidv7(), uuidv7()];
    for (const [id, chart] of [
      [settled, patientRef],
      [waiting, patientRef],
      [foreign, otherChart],
    ] as const) {
      await gateway.database.query(
        "INSERT INTO own_copy (submission_id, account_ref, patient_ref, stream, kind, sealed, created_at) VALUES (?, ?, ?, ?, 'message', 'x', UTC_TIMESTAMP(3))",
        [Buffer.from(id.replaceAll('-', ''), 'hex'), randomBytes(16), Buffer.from(chart, 'hex'), randomBytes(16)],
      );
    }
    expect((await push(batch(patientRef, 1, [buildSection()], { settles: [settled, foreign] }))).status).toBe(200);
    const left = await gateway.database.query<{ id: string }[]>('SELECT LOWER(HEX(submission_id)) AS id FROM own_copy');
    expect(left.map((row) => row.id).sort()).toEqual([waiting, foreign].map((id) => id.replaceAll('-', '')).sort());
  });
});

describe('heartbeats at the gateway', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('gateway_heartbeats');
    await gateway.handOverKeys();
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  async function highest(): Promise<unknown> {
    const { body } = await gateway.call('hello', { site: gateway.site, now: new Date().toISOString() });
    return (body as { heartbeat: unknown }).heartbeat;
  }

  test('are stored when they add up, in order, and only changed buckets travel', async () => {
    const leaves = [buildLeaf(), buildLeaf(), buildLeaf()];
    const { keys, site } = gateway;
    expect(await highest()).toBeNull();
    const first = buildHeartbeat(keys.sign, { site }, leaves);
    const withoutOne = await gateway.call('heartbeat', { ...first, buckets: first.buckets.slice(1) });
    expect(withoutOne.status).toBe(409);
    expect(HeartbeatConflict.parse(withoutOne.body)).toMatchObject({
      code: 'heartbeat-buckets-missing',
      missing: [first.buckets[0]?.bucket],
    });
    expect(await highest()).toBeNull();
    expect((await gateway.call('heartbeat', first)).status).toBe(200);
    expect((await gateway.call('heartbeat', first)).status).toBe(200);

    const extra = buildLeaf();
    const second = buildHeartbeat(keys.sign, { site, seq: 2 }, [...leaves, extra]);
    const changed = second.buckets.filter((bucket) => bucket.leaves.includes(extra));
    expect((await gateway.call('heartbeat', { ...second, buckets: changed })).status).toBe(200);
    expect(await highest()).toEqual({ era: 1, seq: 2 });

    const older = await gateway.call('heartbeat', first);
    expect(older.status).toBe(409);
    expect(HeartbeatConflict.parse(older.body)).toMatchObject({ code: 'heartbeat-not-newer', missing: [] });
    const other = await gateway.call('heartbeat', buildHeartbeat(keys.sign, { site, seq: 2 }, leaves));
    expect(other.status).toBe(409);
    expect(await highest()).toEqual({ era: 1, seq: 2 });

    const rows = await gateway.database.query<{ leaves: string }[]>('SELECT leaves FROM heartbeat_bucket');
    const held = rows
      .flatMap((row) => JSON.parse(row.leaves) as { patientRef: string }[])
      .map((leaf) => leaf.patientRef);
    expect(held.sort()).toEqual([...leaves, extra].map((leaf) => leaf.patientRef).sort());
  });

  test('are refused while their time lies ahead of the clock here, and taken when it does not', async () => {
    const { keys, site } = gateway;
    const before = await highest();
    const ahead = (ms: number): string => new Date(Date.now() + ms).toISOString();
    const early = buildHeartbeat(keys.sign, { site, seq: 10, t: ahead(2 * TIMES.clockAhead) }, []);
    expect(await gateway.call('heartbeat', early)).toMatchObject({ status: 422, body: { code: 'heartbeat-ahead' } });
    expect(await highest()).toEqual(before);
    // Clocks differ a little.
    const near = buildHeartbeat(keys.sign, { site, seq: 10, t: ahead(TIMES.clockAhead / 2) }, []);
    const empty = near.bucketRoots.map((_, bucket) => ({ bucket, leaves: [] }));
    expect((await gateway.call('heartbeat', { ...near, buckets: empty })).status).toBe(200);
    expect(await highest()).toEqual({ era: 1, seq: 10 });
  });

  test('that do not add up, or that another key signed, are refused', async () => {
    const { keys, site } = gateway;
    const leaf = buildLeaf();
    const good = buildHeartbeat(keys.sign, { site, seq: 50 }, [leaf]);
    const [bucket] = good.buckets;
    const attempts = [
      [{ ...buildHeartbeat(keys.root, { site, seq: 50 }, [leaf]) }, 'statement-refused'],
      [
        buildHeartbeat(keys.sign, { site: '3f0e1f3a-8a39-4a3b-9a54-0f4cf3a1b111', seq: 50 }, [leaf]),
        'statement-refused',
      ],
      [{ ...good, bucketRoots: [...good.bucketRoots].reverse() }, 'heartbeat-refused'],
      [{ ...good, buckets: [{ bucket: bucket?.bucket, leaves: [{ ...leaf, seq: 9 }] }] }, 'heartbeat-refused'],
      [{ ...good, buckets: [bucket, bucket] }, 'heartbeat-refused'],
      [{ ...good, buckets: [{ bucket: bucket?.bucket, leaves: [leaf, leaf] }] }, 'heartbeat-refused'],
      [
        { ...good, buckets: [bucket, { bucket: ((bucket?.bucket ?? 0) + 1) % 256, leaves: [leaf] }] },
        'heartbeat-refused',
      ],
    ] as const;
    const before = await highest();
    for (const [body, code] of attempts) {
      expect(await gateway.call('heartbeat', body)).toMatchObject({ status: 422, body: { code } });
    }
    expect(await highest()).toEqual(before);
  });
});
