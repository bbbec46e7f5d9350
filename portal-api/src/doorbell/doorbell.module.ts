import { Global, Module } from '@nestjs/common';
import { PortalConfig } from '../config.js';
import { Doorbell } from './doorbell.js';

/** The ringing side, for portal-api's public process. */
@Global()
@Module({
  providers: [
    {
      provide: Doorbell,
      useFactory: (config: PortalConfig) => new Doorbell(config.redis, config.database.name),
      inject: [PortalConfig],
    },
  ],
  exports: [Doorbell],
})
export class DoorbellModule {}
