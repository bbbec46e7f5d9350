import { Module } from '@nestjs/common';
import { ThrottleModule } from '../auth/throttle.module.js';
import { SubmissionsModule } from '../submissions/submissions.module.js';
import { CommonPasswords } from './common-passwords.js';
import { DateOfBirthService } from './date-of-birth.service.js';
import { JoinController } from './join.controller.js';
import { JoinService } from './join.service.js';
import { OpenInvites } from './open-invites.js';
import { PasswordHasher } from './password-hasher.js';
import { TotpSetups } from './totp-setup.js';

@Module({
  imports: [ThrottleModule, SubmissionsModule],
  controllers: [JoinController],
  providers: [
    JoinService,
    DateOfBirthService,
    OpenInvites,
    PasswordHasher,
    TotpSetups,
    { provide: CommonPasswords, useFactory: () => CommonPasswords.load() },
  ],
  exports: [PasswordHasher],
})
export class AccountsModule {}
