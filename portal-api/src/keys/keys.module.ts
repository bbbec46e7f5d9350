import { Global, Module } from '@nestjs/common';
import { KeyringService } from './keyring.service.js';

@Global()
@Module({ providers: [KeyringService], exports: [KeyringService] })
export class KeysModule {}
