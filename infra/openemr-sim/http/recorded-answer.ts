import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { readSimJson } from '../sim-data.js';

/** An exchange with a real OpenEMR 8.2; tokens, secrets and cookies were taken out of it. */
export const Recording = z.object({
  request: z.object({
    method: z.enum(['GET', 'POST']),
    path: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.unknown().optional(),
  }),
  response: z.object({ status: z.int(), headers: z.record(z.string(), z.string()), body: z.unknown() }),
});
export type Recording = z.infer<typeof Recording>;

/** The address the recorded OpenEMR had. */
export const RECORDED_ADDRESS = 'https://127.0.0.1:9300';
const REDACTED = '<redacted>';

/** What the simulator answers to one request. */
export interface SimAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

const known = new Map<string, Recording>();

/** @param name path below `data/recordings`, without `.json` */
export function readRecording(name: string): Recording {
  const recording = known.get(name) ?? Recording.parse(readSimJson(`recordings/${name}.json`));
  known.set(name, recording);
  return recording;
}

/** The recorded answer, in another's address and with a new cookie where the recorded one was taken out. */
export function recordedAnswer(name: string, siteAddress: string): SimAnswer {
  const { body } = readRecording(name).response;
  return recordedAnswerWith(
    name,
    typeof body === 'string' ? body : JSON.stringify(body).replaceAll(RECORDED_ADDRESS, siteAddress),
  );
}

/** The recorded status and headers with a body of this run. */
export function recordedAnswerWith(name: string, body: string | Buffer): SimAnswer {
  const { status, headers } = readRecording(name).response;
  const cookie = headers['set-cookie']?.replace(REDACTED, randomBytes(16).toString('hex'));
  const bytes = Buffer.from(body);
  return {
    status,
    headers: {
      ...headers,
      ...(cookie === undefined ? {} : { 'set-cookie': cookie }),
      'content-length': String(bytes.length),
    },
    body: bytes,
  };
}

/** For requests of which no answer was recorded: nobody may take a guess for OpenEMR's answer. */
export function notRecorded(): SimAnswer {
  const body = Buffer.from('OpenEMR SIMULATOR: no answer of a real OpenEMR to such a request was recorded.\n');
  return { status: 501, headers: { 'content-type': 'text/plain', 'content-length': String(body.length) }, body };
}
