import { Body, Controller, HttpCode, Logger, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  AckRequest,
  ChartBatchRequest,
  ChartStateRequest,
  CutRequest,
  EnrolmentsRequest,
  ErasRequest,
  GATEWAY_ROUTES,
  GrantHoldingsRequest,
  GrantsRequest,
  HeartbeatRequest,
  HelloRequest,
  HoldingsRequest,
  InvitesRequest,
  KeysRequest,
  LeaseRequest,
  MissingRequest,
  OpenChartsRequest,
  ReofferRequest,
  RevocationsRequest,
  StreamsRequest,
  type AckAnswer,
  type ChartBatchAnswer,
  type ChartState,
  type Done,
  type ErasAnswer,
  type GrantHoldingsAnswer,
  type HelloAnswer,
  type HoldingsAnswer,
  type LeaseAnswer,
  type MissingAnswer,
  type OpenChartsAnswer,
  type ReofferAnswer,
  type RevocationsAnswer,
} from 'sync-contract/gateway-wire';
import { TIMES } from 'sync-contract/limits';
import { ACCEPTED_PROTOCOL_VERSIONS } from 'sync-contract/protocol';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { GatewayConfig } from '../gateway-config.js';
import { AccessStore } from './access-store.service.js';
import { AgentGuard } from './agent.guard.js';
import { ChartStore } from './chart-store.service.js';
import { CutStore } from './cut-store.service.js';
import { GatewayKeys } from './gateway-keys.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { HeartbeatStore } from './heartbeat-store.service.js';
import { Holdings } from './holdings.service.js';
import { OpenCharts } from './open-charts.service.js';
import { OutboxLease } from './outbox-lease.service.js';
import { StreamStore } from './stream-store.service.js';
import { WireBody } from './wire-body.pipe.js';

/** The crossing's routes, called by the agent only; their meaning stands in gateway-wire. */
@Controller()
@UseGuards(AgentGuard)
export class GatewayController {
  private readonly logger = new Logger(GatewayController.name);

  constructor(
    private readonly config: GatewayConfig,
    private readonly keyring: GatewayKeys,
    private readonly access: AccessStore,
    private readonly outbox: OutboxLease,
    private readonly charts: ChartStore,
    private readonly open: OpenCharts,
    private readonly heartbeats: HeartbeatStore,
    private readonly held: Holdings,
    private readonly streamNumbers: StreamStore,
    private readonly cuts: CutStore,
    private readonly audit: AuditService,
    private readonly metrics: GatewayMetrics,
  ) {}

  @Post(GATEWAY_ROUTES.hello)
  @HttpCode(200)
  async hello(@Body(new WireBody(HelloRequest)) body: HelloRequest): Promise<HelloAnswer> {
    const now = new Date();
    const skew = Math.abs(now.getTime() - Date.parse(body.now));
    this.metrics.noteSkew(skew);
    if (skew > TIMES.skewAlarm) {
      this.logger.error(
        `clocks of DMZ and inside differ by ${String(Math.round(skew / 1_000))} s: codes and freshness suffer`,
      );
    }
    if (body.site !== this.config.siteId) {
      this.logger.error('the agent belongs to another site than this gateway');
    } else if (body.look !== true) {
      await this.outbox.releaseAll();
    }
    await this.audit.record({
      action: 'gateway-hello',
      outcome: body.site === this.config.siteId ? 'ok' : 'refused',
      actor: 'agent',
    });
    return {
      versions: [...ACCEPTED_PROTOCOL_VERSIONS],
      site: this.config.siteId,
      now: now.toISOString(),
      heartbeat: await this.heartbeats.highest(),
      restored: await this.streamNumbers.areUnknown(),
    };
  }

  @Post(GATEWAY_ROUTES.keys)
  @HttpCode(200)
  async keys(@Body(new WireBody(KeysRequest)) body: KeysRequest): Promise<Done> {
    await this.keyring.store(body.statements);
    return {};
  }

  @Post(GATEWAY_ROUTES.eras)
  @HttpCode(200)
  async eras(@Body(new WireBody(ErasRequest)) body: ErasRequest): Promise<ErasAnswer> {
    if (body.eras.length > 0) {
      await this.keyring.storeEras(body.eras);
    }
    return { eras: await this.keyring.eras() };
  }

  @Post(GATEWAY_ROUTES.invites)
  @HttpCode(200)
  async invites(@Body(new WireBody(InvitesRequest)) body: InvitesRequest): Promise<Done> {
    await this.access.invites(body);
    return {};
  }

  @Post(GATEWAY_ROUTES.enrolments)
  @HttpCode(200)
  async enrolments(@Body(new WireBody(EnrolmentsRequest)) body: EnrolmentsRequest): Promise<Done> {
    await this.access.enrolments(body);
    return {};
  }

  @Post(GATEWAY_ROUTES.grants)
  @HttpCode(200)
  async grants(@Body(new WireBody(GrantsRequest)) body: GrantsRequest): Promise<Done> {
    await this.access.grants(body.grants);
    return {};
  }

  @Post(GATEWAY_ROUTES.revocations)
  @HttpCode(200)
  async revocations(@Body(new WireBody(RevocationsRequest)) body: RevocationsRequest): Promise<RevocationsAnswer> {
    return this.access.revocations(body);
  }

  /** Answers by hand: what was claimed for a connection that ended before the answer left is given back. */
  @Post(GATEWAY_ROUTES.lease)
  async lease(
    @Body(new WireBody(LeaseRequest)) body: LeaseRequest,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const gone = new AbortController();
    const leave = (): void => {
      gone.abort();
    };
    request.raw.socket.once('close', leave);
    let answer: LeaseAnswer;
    try {
      answer = await this.outbox.lease(body.limit, body.waitMs, gone.signal);
    } finally {
      request.raw.socket.off('close', leave);
    }
    const { lease } = answer;
    reply.raw.once('close', () => {
      if (lease !== null && !reply.raw.writableFinished) {
        this.giveBack(lease);
      }
    });
    await reply.status(200).send(answer);
  }

  @Post(GATEWAY_ROUTES.ack)
  @HttpCode(200)
  async ack(@Body(new WireBody(AckRequest)) body: AckRequest): Promise<AckAnswer> {
    return { acked: await this.outbox.ack(body.submissionIds) };
  }

  /** Only in an era that the root has begun: otherwise a stolen certificate could have a month of envelopes sent again. */
  @Post(GATEWAY_ROUTES.reoffer)
  @HttpCode(200)
  async reoffer(@Body(new WireBody(ReofferRequest)) body: ReofferRequest): Promise<ReofferAnswer> {
    this.keyring.assertBegun(body.era);
    return { offered: await this.outbox.reofferAll() };
  }

  @Post(GATEWAY_ROUTES.streams)
  @HttpCode(200)
  async streams(@Body(new WireBody(StreamsRequest)) body: StreamsRequest): Promise<Done> {
    await this.streamNumbers.raise(body);
    return {};
  }

  @Post(GATEWAY_ROUTES.chartState)
  @HttpCode(200)
  async chartState(@Body(new WireBody(ChartStateRequest)) body: ChartStateRequest): Promise<ChartState> {
    return this.charts.state(body.patientRef);
  }

  @Post(GATEWAY_ROUTES.chartBatch)
  @HttpCode(200)
  async chartBatch(@Body(new WireBody(ChartBatchRequest)) body: ChartBatchRequest): Promise<ChartBatchAnswer> {
    crashPoint('received:gateway-chart-batch');
    return { version: await this.charts.apply(body) };
  }

  @Post(GATEWAY_ROUTES.openCharts)
  @HttpCode(200)
  async openCharts(@Body(new WireBody(OpenChartsRequest)) _body: OpenChartsRequest): Promise<OpenChartsAnswer> {
    return { charts: await this.open.lastLookedAt() };
  }

  @Post(GATEWAY_ROUTES.holdings)
  @HttpCode(200)
  async holdings(@Body(new WireBody(HoldingsRequest)) body: HoldingsRequest): Promise<HoldingsAnswer> {
    return this.held.charts(body.after);
  }

  @Post(GATEWAY_ROUTES.grantHoldings)
  @HttpCode(200)
  async grantHoldings(
    @Body(new WireBody(GrantHoldingsRequest)) body: GrantHoldingsRequest,
  ): Promise<GrantHoldingsAnswer> {
    return this.held.grants(body.after);
  }

  @Post(GATEWAY_ROUTES.missing)
  @HttpCode(200)
  async missing(@Body(new WireBody(MissingRequest)) body: MissingRequest): Promise<MissingAnswer> {
    return this.held.missing(body.after);
  }

  @Post(GATEWAY_ROUTES.heartbeat)
  @HttpCode(200)
  async heartbeat(@Body(new WireBody(HeartbeatRequest)) body: HeartbeatRequest): Promise<Done> {
    await this.heartbeats.store(body);
    return {};
  }

  /** The last thing a revoked certificate hears of. */
  @Post(GATEWAY_ROUTES.cut)
  @HttpCode(200)
  async cut(@Body(new WireBody(CutRequest)) body: CutRequest, @Req() request: FastifyRequest): Promise<Done> {
    await this.cuts.store(body);
    this.cuts.disconnectRevoked(request.raw.socket);
    return {};
  }

  private giveBack(lease: string): void {
    this.outbox.release(lease).catch(() => {
      this.logger.warn('a lease could not be given back; its rows are free when its time is over');
    });
  }
}
