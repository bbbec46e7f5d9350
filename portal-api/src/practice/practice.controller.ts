import { Controller, Get } from '@nestjs/common';
import { PortalConfig } from '../config.js';
import type { PracticeView } from '../http.js';
import { Public } from '../sessions/session.decorators.js';

@Public()
@Controller('practice')
export class PracticeController {
  constructor(private readonly config: PortalConfig) {}

  @Get()
  show(): PracticeView {
    return { name: this.config.practice.name, timeZone: this.config.practice.timeZone };
  }
}
