import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { PendingSignInStore } from './pending-sign-in.store.js';
import { SignInController } from './sign-in.controller.js';
import { SignInService } from './sign-in.service.js';
import { ThrottleModule } from './throttle.module.js';

@Module({
  imports: [ThrottleModule, AccountsModule],
  controllers: [SignInController],
  providers: [SignInService, PendingSignInStore],
})
export class AuthModule {}
