import { z } from 'zod';
import { ACCEPTED_PROTOCOL_VERSIONS, PROTOCOL_VERSION } from 'sync-contract/protocol';
import {
  AckAnswer,
  BlobDropAnswer,
  BlobHashesAnswer,
  BlobHoldingsAnswer,
  BlobKeepAnswer,
  BlobProgress,
  ChartBatchAnswer,
  ChartConflict,
  ChartState,
  Done,
  ErasAnswer,
  GATEWAY_ROUTES,
  GatewayProblemCode,
  GrantHoldingsAnswer,
  HeartbeatConflict,
  HelloAnswer,
  HoldingsAnswer,
  LeaseAnswer,
  MissingAnswer,
  OpenChartsAnswer,
  ReofferAnswer,
  RevocationsAnswer,
  type AckRequest,
  type BlobBeginRequest,
  type BlobChunksRequest,
  type BlobCommitRequest,
  type BlobDropRequest,
  type BlobHashesRequest,
  type BlobHoldingsRequest,
  type BlobKeepRequest,
  type ChartBatchRequest,
  type ChartStateRequest,
  type CutRequest,
  type EnrolmentsRequest,
  type ErasRequest,
  type GatewayRoute,
  type GrantHoldingsRequest,
  type GrantsRequest,
  type HeartbeatRequest,
  type HoldingsRequest,
  type InvitesRequest,
  type HelloRequest,
  type KeysRequest,
  type LeaseRequest,
  type MissingRequest,
  type ReofferRequest,
  type RevocationsRequest,
  type StreamsRequest,
} from 'sync-contract/gateway-wire';
import { TIMES } from 'sync-contract/limits';
import type { Signed } from 'sync-contract/signed';
import { BlobRefused, Conflict, Permanent, RouteUnknown, TimeRefused, Transient } from './gateway-failures.js';
import { GatewayConnection, type GatewayAnswer } from './gateway-connection.js';

type Body<Request extends { v: number }> = Omit<Request, 'v'>;

/** What the last handshake said about the other side. */
export interface Handshake {
  at: Date;
  /** gateway's clock minus ours, milliseconds; exact to half the call's duration */
  skewMs: number;
  skewAlarm: boolean;
  heartbeat: HelloAnswer['heartbeat'];
  /** by the gateway's word its database was put back to a backup */
  restored: boolean;
}

const CALL_TIMEOUT = 20_000;

/**
 * The calls of the crossing, each typed by its wire schema. Before the first call, and again after every failed one,
 * `hello` compares protocol, site and clocks and our key statements are handed over; no other call leaves before that. Failures are `Transient`,
 * `Permanent` or `Conflict`; whatever the gateway answers, a call ends within its time and reads a bounded answer.
 */
export class GatewayClient {
  private greeting: Promise<Handshake> | undefined;
  private last: Handshake | undefined;

  constructor(
    private readonly connection: GatewayConnection,
    private readonly siteId: string,
    private readonly statements: readonly Signed[],
    private readonly onSkew: (skewMs: number) => void,
    /** the root's statements of the eras that restores began */
    private readonly eras: () => Promise<readonly Signed[]> = () => Promise.resolve([]),
  ) {}

  /** the last handshake that succeeded */
  get handshake(): Handshake | undefined {
    return this.last;
  }

  /** Handshake now. @throws Transient, Permanent */
  async hello(): Promise<Handshake> {
    return this.handshakeWith({});
  }

  /** Handshake beside a running agent, which keeps what it has leased. @throws Transient, Permanent */
  async look(): Promise<Handshake> {
    return this.handshakeWith({ look: true });
  }

  /** Hands our key statements over, as every first call does. @throws Transient, Permanent when its root is another */
  async offerKeys(): Promise<Done> {
    return this.exchange('keys', { statements: [...this.statements] } satisfies Body<KeysRequest>, Done);
  }

  /** What the root said of our keys and eras, again: the tables of the DMZ may have lost it. @throws Transient, Permanent */
  async offerStatements(): Promise<void> {
    await this.call('keys', { statements: [...this.statements] } satisfies Body<KeysRequest>, Done);
    const eras = await this.eras();
    if (eras.length > 0) {
      await this.call('eras', { eras: [...eras] } satisfies Body<ErasRequest>, ErasAnswer);
    }
  }

  private async handshakeWith(intent: { look?: true }): Promise<Handshake> {
    const sentAt = Date.now();
    const answer = await this.exchange(
      'hello',
      { site: this.siteId, now: new Date(sentAt).toISOString(), ...intent } satisfies Body<HelloRequest>,
      HelloAnswer,
    );
    const receivedAt = Date.now();
    if (answer.site !== this.siteId) {
      throw new Permanent(
        'gateway-foreign-site',
        `the gateway belongs to another site: set its SITE_ID to this agent's`,
      );
    }
    if (!answer.versions.includes(PROTOCOL_VERSION)) {
      throw new Permanent(
        'gateway-protocol-refused',
        `the gateway speaks protocol ${answer.versions.slice(0, 8).join(', ')}, this agent ` +
          `${ACCEPTED_PROTOCOL_VERSIONS.join(' and ')}: update the older side`,
      );
    }
    const skewMs = Math.round(Date.parse(answer.now) - (sentAt + receivedAt) / 2);
    const skewAlarm = Math.abs(skewMs) > TIMES.skewAlarm + (receivedAt - sentAt) / 2;
    if (skewAlarm) {
      this.onSkew(skewMs);
    }
    const { heartbeat, restored } = answer;
    this.last = { at: new Date(receivedAt), skewMs, skewAlarm, heartbeat, restored };
    return this.last;
  }

  async sendInvites(body: Body<InvitesRequest>): Promise<Done> {
    return this.call('invites', body, Done);
  }

  async sendEnrolments(body: Body<EnrolmentsRequest>): Promise<Done> {
    return this.call('enrolments', body, Done);
  }

  async sendGrants(body: Body<GrantsRequest>): Promise<Done> {
    return this.call('grants', body, Done);
  }

  async sendRevocations(body: Body<RevocationsRequest>): Promise<RevocationsAnswer> {
    return this.call('revocations', body, RevocationsAnswer);
  }

  /** Every era that the gateway knows; the caller verifies. */
  async readEras(): Promise<ErasAnswer> {
    return this.call('eras', { eras: [] } satisfies Body<ErasRequest>, ErasAnswer);
  }

  async reoffer(body: Body<ReofferRequest>): Promise<ReofferAnswer> {
    return this.call('reoffer', body, ReofferAnswer);
  }

  async sendStreams(body: Body<StreamsRequest>): Promise<Done> {
    return this.call('streams', body, Done);
  }

  /** Waits up to `waitMs` for new rows. `signal` ends the wait early, as a Transient. */
  async lease(body: Body<LeaseRequest>, signal?: AbortSignal): Promise<LeaseAnswer> {
    return this.call('lease', body, LeaseAnswer, { timeout: body.waitMs + CALL_TIMEOUT, signal });
  }

  async ack(body: Body<AckRequest>): Promise<AckAnswer> {
    return this.call('ack', body, AckAnswer);
  }

  async chartState(body: Body<ChartStateRequest>): Promise<ChartState> {
    return this.call('chartState', body, ChartState);
  }

  /** @throws Conflict<ChartConflict> */
  async pushChart(body: Body<ChartBatchRequest>): Promise<ChartBatchAnswer> {
    return this.call('chartBatch', body, ChartBatchAnswer, { conflict: ChartConflict, timeout: 2 * CALL_TIMEOUT });
  }

  async readOpenCharts(): Promise<OpenChartsAnswer> {
    return this.call('openCharts', {}, OpenChartsAnswer);
  }

  /** @throws BlobRefused */
  async sendBlobBegin(body: Body<BlobBeginRequest>): Promise<BlobProgress> {
    return this.call('blobBegin', body, BlobProgress);
  }

  /** @throws BlobRefused */
  async sendBlobChunks(body: Body<BlobChunksRequest>): Promise<BlobProgress> {
    return this.call('blobChunks', body, BlobProgress, { timeout: 2 * CALL_TIMEOUT });
  }

  /** @throws BlobRefused */
  async sendBlobCommit(body: Body<BlobCommitRequest>): Promise<Done> {
    return this.call('blobCommit', body, Done, { timeout: 2 * CALL_TIMEOUT });
  }

  async sendBlobKeep(body: Body<BlobKeepRequest>): Promise<BlobKeepAnswer> {
    return this.call('blobKeep', body, BlobKeepAnswer, { timeout: 2 * CALL_TIMEOUT });
  }

  /** @throws RouteUnknown */
  async sendBlobDrop(body: Body<BlobDropRequest>): Promise<BlobDropAnswer> {
    return this.call('blobDrop', body, BlobDropAnswer, { timeout: 2 * CALL_TIMEOUT });
  }

  /** A page of what the gateway holds of charts. */
  async readHoldings(body: Body<HoldingsRequest>): Promise<HoldingsAnswer> {
    return this.call('holdings', body, HoldingsAnswer, { timeout: 3 * CALL_TIMEOUT });
  }

  async readGrantHoldings(body: Body<GrantHoldingsRequest>): Promise<GrantHoldingsAnswer> {
    return this.call('grantHoldings', body, GrantHoldingsAnswer);
  }

  /** @throws RouteUnknown */
  async readBlobHoldings(body: Body<BlobHoldingsRequest>): Promise<BlobHoldingsAnswer> {
    return this.call('blobHoldings', body, BlobHoldingsAnswer, { timeout: 3 * CALL_TIMEOUT });
  }

  /** Of megabytes, not gigabytes, in one call. @throws RouteUnknown */
  async readBlobHashes(body: Body<BlobHashesRequest>): Promise<BlobHashesAnswer> {
    return this.call('blobHashes', body, BlobHashesAnswer, { timeout: 3 * CALL_TIMEOUT });
  }

  async readMissing(body: Body<MissingRequest>): Promise<MissingAnswer> {
    return this.call('missing', body, MissingAnswer);
  }

  /** @throws Conflict<HeartbeatConflict> */
  async sendHeartbeat(body: Body<HeartbeatRequest>): Promise<Done> {
    return this.call('heartbeat', body, Done, { conflict: HeartbeatConflict });
  }

  /** The DMZ is cut off, or trusted again. */
  async sendCut(body: Body<CutRequest>): Promise<Done> {
    return this.call('cut', body, Done);
  }

  /**
   * Asks nothing while the last call succeeded: for those whose work is in vain when the gateway is away.
   * @throws Transient, Permanent
   */
  async assertThere(): Promise<void> {
    const greeting = (this.greeting ??= this.greet());
    try {
      await greeting;
    } catch (failure: unknown) {
      this.forget(greeting);
      throw failure;
    }
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  private async call<Answer>(
    route: GatewayRoute,
    body: Record<string, unknown>,
    schema: z.ZodType<Answer>,
    options: CallOptions = {},
  ): Promise<Answer> {
    const greeting = (this.greeting ??= this.greet());
    try {
      await greeting;
      return await this.exchange(route, body, schema, options);
    } catch (failure: unknown) {
      if (failure instanceof Transient || (failure instanceof Permanent && (await failed(greeting)))) {
        this.forget(greeting);
      }
      throw failure;
    }
  }

  /** Handshake, then our keys and eras: whatever follows is verified with them. */
  private async greet(): Promise<Handshake> {
    const handshake = await this.hello();
    await this.offerKeys();
    const eras = await this.eras();
    if (eras.length > 0) {
      await this.exchange('eras', { eras: [...eras] } satisfies Body<ErasRequest>, ErasAnswer);
    }
    return handshake;
  }

  private forget(greeting: Promise<Handshake>): void {
    if (this.greeting === greeting) {
      this.greeting = undefined;
    }
  }

  private async exchange<Answer>(
    route: GatewayRoute,
    body: Record<string, unknown>,
    schema: z.ZodType<Answer>,
    { conflict, timeout = CALL_TIMEOUT, signal }: CallOptions = {},
  ): Promise<Answer> {
    const answer = await this.connection.post(GATEWAY_ROUTES[route], { v: PROTOCOL_VERSION, ...body }, timeout, signal);
    if (answer.status === 200) {
      return read(route, schema, answer);
    }
    if (answer.status === 409 && conflict !== undefined) {
      throw new Conflict(read(route, conflict, answer));
    }
    throw refused(route, answer);
  }
}

interface CallOptions {
  conflict?: z.ZodType<ChartConflict | HeartbeatConflict>;
  timeout?: number;
  signal?: AbortSignal;
}

function read<T>(route: GatewayRoute, schema: z.ZodType<T>, answer: GatewayAnswer): T {
  const parsed = schema.safeParse(answer.json);
  if (!parsed.success) {
    // Paths and codes only: what a stranger answered is not repeated in a log.
    const issue = parsed.error.issues[0];
    throw new Transient(
      'gateway-answer-refused',
      `the gateway's answer to ${route} has another shape (${issue?.path.join('.') ?? ''} ${issue?.code ?? ''})`,
    );
  }
  return parsed.data;
}

/** 408, 425, 429 and 5xx pass; any other refusal is about the call itself. */
function refused(route: GatewayRoute, { status, json }: GatewayAnswer): Transient | Permanent {
  const code = z.object({ code: GatewayProblemCode }).safeParse(json).data?.code ?? 'unnamed';
  const sentence = `the gateway answered ${route} with ${String(status)} (${code})`;
  if (status === 422 && code === 'blob-refused') {
    return new BlobRefused(sentence);
  }
  if (code === 'heartbeat-ahead') {
    return new TimeRefused(sentence);
  }
  if (status === 404 && code === 'not-found') {
    return new RouteUnknown(sentence);
  }
  return status >= 500 || [408, 425, 429].includes(status)
    ? new Transient('gateway-unavailable', sentence)
    : new Permanent('gateway-refused', sentence);
}

async function failed(greeting: Promise<unknown>): Promise<boolean> {
  return greeting.then(
    () => false,
    () => true,
  );
}
