import { Module } from '@nestjs/common';
import { CredentialsModule } from '../credentials/credentials.module.js';
import { ThrottleModule } from '../throttle/throttle.module.js';
import { SubmissionsModule } from '../submissions/submissions.module.js';
import { CommonPasswords } from '../credentials/common-passwords.js';
import { DateOfBirthService } from './date-of-birth.service.js';
import { JoinController } from './join.controller.js';
import { JoinService } from './join.service.js';
import { OpenInvites } from './open-invites.js';
import { TotpSetups } from './totp-setup.js';

@Module({
  imports: [CredentialsModule, ThrottleModule, SubmissionsModule],
  controllers: [JoinController],
  providers: [
    JoinService,
    DateOfBirthService,
    OpenInvites,
    TotpSetups,
    { provide: CommonPasswords, useFactory: () => CommonPasswords.load() },
  ],
})
export class AccountsModule {}
