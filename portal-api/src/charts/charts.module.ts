import { Module } from '@nestjs/common';
import { ChartsController } from './charts.controller.js';
import { ChartsService } from './charts.service.js';
import { DownloadsController } from './downloads.controller.js';

@Module({ controllers: [ChartsController, DownloadsController], providers: [ChartsService] })
export class ChartsModule {}
