import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import {
  BlobBeginRequest,
  BlobChunksRequest,
  BlobCommitRequest,
  BlobDropRequest,
  BlobHashesRequest,
  BlobHoldingsRequest,
  BlobKeepRequest,
  GATEWAY_ROUTES,
  type BlobDropAnswer,
  type BlobHashesAnswer,
  type BlobHoldingsAnswer,
  type BlobKeepAnswer,
  type BlobProgress,
  type Done,
} from 'sync-contract/gateway-wire';
import { AgentGuard } from './agent.guard.js';
import { BlobHoldings } from './blob-holdings.service.js';
import { BlobStore } from './blob-store.service.js';
import { WireBody } from './wire-body.pipe.js';

/** The crossing's routes for the bytes of documents, called by the agent only. */
@Controller()
@UseGuards(AgentGuard)
export class BlobsController {
  constructor(
    private readonly blobs: BlobStore,
    private readonly held: BlobHoldings,
  ) {}

  @Post(GATEWAY_ROUTES.blobBegin)
  @HttpCode(200)
  async begin(@Body(new WireBody(BlobBeginRequest)) body: BlobBeginRequest): Promise<BlobProgress> {
    return { next: await this.blobs.begin(body) };
  }

  @Post(GATEWAY_ROUTES.blobChunks)
  @HttpCode(200)
  async chunks(@Body(new WireBody(BlobChunksRequest)) body: BlobChunksRequest): Promise<BlobProgress> {
    return { next: await this.blobs.add(body) };
  }

  @Post(GATEWAY_ROUTES.blobCommit)
  @HttpCode(200)
  async commit(@Body(new WireBody(BlobCommitRequest)) body: BlobCommitRequest): Promise<Done> {
    await this.blobs.complete(body);
    return {};
  }

  @Post(GATEWAY_ROUTES.blobKeep)
  @HttpCode(200)
  async keep(@Body(new WireBody(BlobKeepRequest)) body: BlobKeepRequest): Promise<BlobKeepAnswer> {
    return { deleted: await this.blobs.keep(body) };
  }

  @Post(GATEWAY_ROUTES.blobDrop)
  @HttpCode(200)
  async drop(@Body(new WireBody(BlobDropRequest)) body: BlobDropRequest): Promise<BlobDropAnswer> {
    return { deleted: await this.blobs.drop(body) };
  }

  @Post(GATEWAY_ROUTES.blobHoldings)
  @HttpCode(200)
  async holdings(@Body(new WireBody(BlobHoldingsRequest)) body: BlobHoldingsRequest): Promise<BlobHoldingsAnswer> {
    return this.held.page(body.after);
  }

  @Post(GATEWAY_ROUTES.blobHashes)
  @HttpCode(200)
  async hashes(@Body(new WireBody(BlobHashesRequest)) body: BlobHashesRequest): Promise<BlobHashesAnswer> {
    return this.held.hashes(body.blobs);
  }
}
