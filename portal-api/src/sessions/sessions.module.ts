import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { PassportModule } from '@nestjs/passport';
import { ChartGuard } from './chart.guard.js';
import { SessionGrants } from './session-grants.js';
import { SessionGuard } from './session.guard.js';
import { SessionStore } from './session.store.js';
import { SessionStrategy } from './session.strategy.js';
import { SessionViews } from './session-views.js';
import { SessionController } from './session.controller.js';

/** Global, because every feature asks who is there. */
@Global()
@Module({
  imports: [PassportModule],
  controllers: [SessionController],
  providers: [
    SessionStore,
    SessionGrants,
    SessionStrategy,
    SessionViews,
    ChartGuard,
    { provide: APP_GUARD, useClass: SessionGuard },
  ],
  exports: [SessionStore, SessionGrants, SessionViews, ChartGuard],
})
export class SessionsModule {}
