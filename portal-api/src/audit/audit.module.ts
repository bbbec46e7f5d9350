import { Global, Module } from '@nestjs/common';
import { AuditService } from './audit.service.js';

/** Everything that acts writes audit entries, so the module is global in both processes. */
@Global()
@Module({ providers: [AuditService], exports: [AuditService] })
export class AuditModule {}
