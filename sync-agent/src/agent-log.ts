import type { LoggerService } from '@nestjs/common';
import { destination, pino, type Logger } from 'pino';

/**
 * One JSON line per entry on standard output. Entries name ids, codes and sentences of our own; nobody hands over rows,
 * envelopes or bodies.
 */
export class AgentLog implements LoggerService {
  private readonly pino: Logger;

  constructor(level: string) {
    this.pino = pino({ level, base: { program: 'sync-agent' } }, destination({ sync: true }));
  }

  log(entry: unknown, context?: string): void {
    this.pino.info(fieldsOf(entry, context));
  }

  error(entry: unknown, ...rest: unknown[]): void {
    this.pino.error(fieldsOf(entry, rest.at(-1)));
  }

  warn(entry: unknown, context?: string): void {
    this.pino.warn(fieldsOf(entry, context));
  }

  debug(entry: unknown, context?: string): void {
    this.pino.debug(fieldsOf(entry, context));
  }

  verbose(entry: unknown, context?: string): void {
    this.pino.trace(fieldsOf(entry, context));
  }

  fatal(entry: unknown, context?: string): void {
    this.pino.fatal(fieldsOf(entry, context));
  }
}

function fieldsOf(entry: unknown, context: unknown): object {
  const of = typeof context === 'string' ? { of: context } : {};
  return typeof entry === 'object' && entry !== null ? { ...of, ...entry } : { ...of, msg: String(entry) };
}
