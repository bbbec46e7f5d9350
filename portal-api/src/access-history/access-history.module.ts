import { Module } from '@nestjs/common';
import { AccessHistoryController } from './access-history.controller.js';
import { AccessHistoryService } from './access-history.service.js';
import { ShownParts } from './shown-parts.js';

@Module({ controllers: [AccessHistoryController], providers: [AccessHistoryService, ShownParts] })
export class AccessHistoryModule {}
