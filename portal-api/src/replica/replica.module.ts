import { Global, Module } from '@nestjs/common';
import { ThreadOwner } from '../submissions/thread-owner.js';
import { ChartReader } from './chart-reader.js';
import { CutWatch } from './cut-watch.js';
import { HeartbeatWatch } from './heartbeat-watch.js';
import { ManifestWatch } from './manifest-watch.js';
import { ThreadOwnership } from './thread-ownership.js';

/** Reading the replica in the public process. One set of watches, so that what one request saw binds the next. */
@Global()
@Module({
  providers: [
    ChartReader,
    CutWatch,
    HeartbeatWatch,
    ManifestWatch,
    { provide: ThreadOwner, useClass: ThreadOwnership },
  ],
  exports: [ChartReader, CutWatch, ThreadOwner],
})
export class ReplicaModule {}
