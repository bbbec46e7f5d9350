import { Global, Module } from '@nestjs/common';
import { ChartReader } from './chart-reader.js';
import { HeartbeatWatch } from './heartbeat-watch.js';
import { ManifestWatch } from './manifest-watch.js';
import { ThreadOwnership } from './thread-ownership.js';

/** Reading the replica in the public process. One set of watches, so that what one request saw binds the next. */
@Global()
@Module({
  providers: [ChartReader, HeartbeatWatch, ManifestWatch, ThreadOwnership],
  exports: [ChartReader, ThreadOwnership],
})
export class ReplicaModule {}
