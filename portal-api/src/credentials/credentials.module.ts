import { Module } from '@nestjs/common';
import { PasswordHasher } from './password-hasher.js';

/** One hasher for joining and signing in, so that both share one limit. */
@Module({ providers: [PasswordHasher], exports: [PasswordHasher] })
export class CredentialsModule {}
