import { Module } from '@nestjs/common';
import { ChartReader } from './chart-reader.js';
import { ChartsController } from './charts.controller.js';
import { ChartsService } from './charts.service.js';
import { HeartbeatWatch } from './heartbeat-watch.js';
import { ManifestWatch } from './manifest-watch.js';
import { ThreadOwnership } from './thread-ownership.js';

@Module({
  controllers: [ChartsController],
  providers: [ChartReader, ChartsService, HeartbeatWatch, ManifestWatch, ThreadOwnership],
  exports: [ThreadOwnership],
})
export class ChartsModule {}
