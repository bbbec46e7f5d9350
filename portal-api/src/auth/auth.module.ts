import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { PendingSignInStore } from './pending-sign-in.store.js';
import { SignInController } from './sign-in.controller.js';
import { SignInService } from './sign-in.service.js';
import { ThrottleModule } from '../throttle/throttle.module.js';

@Module({
  imports: [ThrottleModule, CredentialsModule],
  controllers: [SignInController],
  providers: [SignInService, PendingSignInStore],
})
export class AuthModule {}
