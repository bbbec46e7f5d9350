import type { LoggerService } from '@nestjs/common';
import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { TypeORMError } from 'typeorm';

/**
 * What JSON leaves as it is and a terminal or an editor obeys: DEL and C1 controls, bidirectional and invisible
 * characters, line separators. As `\uXXXX` it is the same JSON and can neither hide nor reorder a line.
 */
const DISOBEYED = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function escapeControls(line: string): string {
  return line.replace(DISOBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * One JSON line per entry on standard output. Entries name ids, codes and sentences of our own; nobody hands over rows,
 * envelopes or bodies, and an error that is handed over is cut down to what it is.
 */
export class AgentLog implements LoggerService {
  private readonly pino: Logger;

  constructor(level: string, to: DestinationStream = destination({ sync: true })) {
    this.pino = pino(
      {
        level,
        base: { name: 'sync-agent' },
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        hooks: { streamWrite: escapeControls },
      },
      to,
    );
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
  if (entry instanceof Error) {
    return { ...of, msg: 'an error', error: describeError(entry) };
  }
  return typeof entry === 'object' && entry !== null
    ? {
        ...of,
        ...Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, withoutErrors(value, DEPTH)])),
      }
    : { ...of, msg: shortened(String(entry)) };
}

/** No sentence of ours is as long; what is comes from somewhere else. */
const LONGEST = 1_000;

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

const DEPTH = 4;

/** The value with every error in it replaced by its description. */
function withoutErrors(value: unknown, depth: number): unknown {
  if (value instanceof Error) {
    return describeError(value);
  }
  if (typeof value === 'string') {
    return shortened(value);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (depth === 0 || ArrayBuffer.isView(value)) {
    return '[not logged]';
  }
  return Array.isArray(value)
    ? value.map((each: unknown) => withoutErrors(each, depth - 1))
    : Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutErrors(each, depth - 1)]));
}

/** Codes of drivers and of Node are in capitals; ours are words with hyphens. */
const OUR_CODE = /^[a-z]+(-[a-z]+)+$/;
const ANY_CODE = /^[\w-]{1,60}$/;

/**
 * Name and code. The sentence only of our own classes: those hold no values, whereas errors of drivers quote rows, carry
 * the statement and its parameters, and hang one error on another.
 */
function describeError(error: Error): object {
  const given: unknown = 'code' in error ? error.code : undefined;
  const code = typeof given === 'string' && ANY_CODE.test(given) ? { code: given } : {};
  const ours = !(error instanceof TypeORMError) && typeof given === 'string' && OUR_CODE.test(given);
  return { name: error.constructor.name, ...code, ...(ours ? { sentence: shortened(error.message) } : {}) };
}
