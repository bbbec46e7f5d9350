import type { Params } from 'nestjs-pino';
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { placeOf } from './failure-place.js';

/**
 * Names under which something secret could ever stand in a log entry; their values never do. Requests are not logged as
 * objects at all, this is the second line.
 */
const NEVER = [
  'cookie',
  'cookies',
  'authorization',
  'set-cookie',
  'headers',
  'body',
  'password',
  'secret',
  'query',
  'url',
];

/**
 * What JSON leaves as it is and a terminal or an editor obeys: DEL and C1 controls, bidirectional and invisible
 * characters, line separators, halves of pairs. As `\uXXXX` it is the same JSON and can neither hide nor reorder a line.
 */
const DISOBEYED = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

export function escapeControls(line: string): string {
  return line.replace(DISOBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * One line of JSON for each entry: level, time, name of the process, then what the entry says. Of an error only its kind
 * and place are kept: messages of databases and parsers quote what they were given.
 * @param destination standard output unless a test listens
 */
export function processLogger(name: string, level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { name },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: placeOf },
    redact: { paths: NEVER.flatMap((each) => [`["${each}"]`, `*["${each}"]`]), censor: '[never logged]' },
    hooks: { streamWrite: escapeControls },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Nest's messages go to the same log. No middleware: what is logged of a request is `logRequests` alone. */
export function loggerParams(logger: Logger): Params {
  return {
    forRoutes: [],
    renameContext: 'of',
    pinoHttp: { logger, autoLogging: false },
  };
}
