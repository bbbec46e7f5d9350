import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import {
  BlobBeginRequest,
  BlobChunksRequest,
  BlobCommitRequest,
  BlobKeepRequest,
  BlobStateRequest,
  GATEWAY_ROUTES,
  type BlobKeepAnswer,
  type BlobProgress,
  type BlobState,
  type Done,
} from 'sync-contract/gateway-wire';
import { AgentGuard } from './agent.guard.js';
import { BlobStore } from './blob-store.service.js';
import { WireBody } from './wire-body.pipe.js';

/** The crossing's routes for the bytes of documents, called by the agent only. */
@Controller()
@UseGuards(AgentGuard)
export class BlobsController {
  constructor(private readonly blobs: BlobStore) {}

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

  @Post(GATEWAY_ROUTES.blobState)
  @HttpCode(200)
  async state(@Body(new WireBody(BlobStateRequest)) body: BlobStateRequest): Promise<BlobState> {
    return { blobs: await this.blobs.whole(body.patientRef) };
  }

  @Post(GATEWAY_ROUTES.blobKeep)
  @HttpCode(200)
  async keep(@Body(new WireBody(BlobKeepRequest)) body: BlobKeepRequest): Promise<BlobKeepAnswer> {
    return { deleted: await this.blobs.keep(body) };
  }
}
