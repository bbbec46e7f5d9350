import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

/** The data lies beside the sources; the compiled file looks for it two folders up. */
const besideThis = new URL('./data/', import.meta.url);
const dataFolder = existsSync(fileURLToPath(besideThis))
  ? besideThis
  : new URL('../../openemr-sim/data/', import.meta.url);

export function simDataPath(relative: string): string {
  return fileURLToPath(new URL(relative, dataFolder));
}

export function readSimJson(relative: string): unknown {
  return JSON.parse(readFileSync(simDataPath(relative), 'utf8'));
}

/** A row as recorded: binary as `hex:…`, decimals and dates as MariaDB prints them, integers as numbers. */
export const RecordedRow = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));
export type RecordedRow = z.infer<typeof RecordedRow>;

export const RECORDED_SETS = { golden: 'golden/rows', screens: 'golden/ui-rows' } as const;
export type RecordedSet = keyof typeof RECORDED_SETS;

/** `golden`: rows in the form the screens write, beside FHIR answers. `screens`: rows real screens wrote. */
export function readRecordedRows(set: RecordedSet, table: string): RecordedRow[] {
  return z.array(RecordedRow).parse(readSimJson(`${RECORDED_SETS[set]}/${table}.json`));
}

/** The first `count` (default: all) of the Synthea transaction bundles that come with the project, one per patient. */
export function readBundles(count?: number): unknown[] {
  return gunzipSync(readFileSync(simDataPath('patients.ndjson.gz')))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, count)
    .map((line): unknown => JSON.parse(line));
}
