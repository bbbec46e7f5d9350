import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/ledger.module.js';
import { ReleaseService } from './release.service.js';

/** What may be in the portal, and since when. */
@Module({ imports: [LedgerModule], providers: [ReleaseService] })
export class ReleaseModule {}
