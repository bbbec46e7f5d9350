import type { Pool } from 'mysql2/promise';
import { API_FAILURES, OpenEmrApiFailure, OpenEmrTransient, type ApiFailureCode } from '../openemr/api-failures.js';
import type { OpenEmrApi } from '../openemr/openemr-api.js';
import { isCcdOf, readNewestCcd, readPatientUuid } from '../openemr/read-ccd.js';
import type { WantedBlob } from './wanted-blobs.js';

/**
 * OpenEMR makes the C-CDA that the patient asked for, and files it among its documents: one that is made again, as after
 * an answer that was lost, is filed again, and no list shows either.
 * @returns the document's uuid, of a file that OpenEMR's database says is this patient's and new; null when it made none
 *   that can be used, or one may be there that it did not name
 * @throws OpenEmrTransient, OpenEmrPermanent, OpenEmrReadFailed
 */
export async function makeCcd(reader: Pool, api: OpenEmrApi, { pid, from, to }: WantedBlob): Promise<string | null> {
  const patient = await readPatientUuid(reader, pid);
  if (patient === null) {
    throw new OpenEmrTransient(API_FAILURES.patientUnnamed, 'OpenEMR has given the patient no uuid yet');
  }
  const before = await readNewestCcd(reader, pid);
  try {
    const uuid = await api.makeCcd(patient, { start: from, end: to });
    return (await isCcdOf(reader, pid, { uuid, after: before })) ? uuid : null;
  } catch (failure: unknown) {
    if (failure instanceof OpenEmrApiFailure && MAY_HAVE_FILED.includes(failure.code)) {
      return null;
    }
    throw failure;
  }
}

/** Behind these OpenEMR may have filed a document that nobody can name: soon again would be another one each time. */
const MAY_HAVE_FILED: readonly ApiFailureCode[] = [
  API_FAILURES.answer,
  API_FAILURES.tooLarge,
  API_FAILURES.tooSlow,
  API_FAILURES.broken,
];

/** Its head, in which the root element stands. */
const HEAD = 4096;

/** False for an error that was filed in its place. */
export function isCcd(bytes: Buffer): boolean {
  return rootOf(bytes.subarray(0, HEAD).toString('utf8')) === 'ClinicalDocument';
}

/** Local name of the root element; undefined without one, or behind a document type declaration, which no C-CDA has. */
function rootOf(xml: string): string | undefined {
  let rest = xml.replace(/^\uFEFF/, '').trimStart();
  for (;;) {
    const end = rest.startsWith('<?') ? '?>' : rest.startsWith('<!--') ? '-->' : undefined;
    if (end === undefined) {
      return /^<(?:[\w.-]+:)?([\w.-]+)[\s/>]/.exec(rest)?.[1];
    }
    const at = rest.indexOf(end, 2);
    rest = at < 0 ? '' : rest.slice(at + end.length).trimStart();
  }
}
