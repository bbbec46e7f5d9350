import type { Connection, Pool, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { addDocument } from '../clinic-documents.js';
import type { SimAnswer } from './recorded-answer.js';

/** What `$docref` is asked, as OpenEMR's description of its API names it; days or times, as they came. */
export interface DocRefQuery {
  patientUuid: string;
  start: string | null;
  end: string | null;
}

const Patient = z.object({ pid: z.coerce.number(), fname: z.string(), lname: z.string() });
const Titles = z.array(z.object({ title: z.string() }));
const Numbers = z.tuple([z.object({ next: z.coerce.number() })]);

/**
 * SIMULATED, not recorded: the makers of the recordings got no C-CDA out of OpenEMR. What OpenEMR's description of its API
 * says is all that is played: a document is made and filed, and answered as a search bundle that names its `Binary`.
 * @returns null when there is no such patient
 */
export async function simulateDocRef(
  pool: Pool,
  documentsDir: string,
  siteAddress: string,
  query: DocRefQuery,
): Promise<SimAnswer | null> {
  const [rows] = await pool.query<RowDataPacket[]>('SELECT pid, fname, lname FROM patient_data WHERE uuid = UNHEX(?)', [
    query.patientUuid.replaceAll('-', ''),
  ]);
  const patient = Patient.safeParse(rows[0]).data;
  if (patient === undefined) {
    return null;
  }
  const connection = await pool.getConnection();
  try {
    const { uuid } = await fileCcda(connection, documentsDir, patient, query);
    return bundleOf(uuid, query.patientUuid, siteAddress);
  } finally {
    connection.release();
  }
}

/** As OpenEMR files what it makes for its table `ccda`, which is not among the recorded ones. */
export async function fileCcda(
  connection: Connection,
  documentsDir: string,
  { pid, fname, lname }: z.infer<typeof Patient>,
  { start, end }: Omit<DocRefQuery, 'patientUuid'>,
): Promise<{ id: number; uuid: string }> {
  const [problems] = await connection.query<RowDataPacket[]>(
    "SELECT title FROM lists WHERE pid = ? AND type = 'medical_problem' ORDER BY id",
    [pid],
  );
  const [numbers] = await connection.query<RowDataPacket[]>(
    "SELECT COALESCE(MAX(foreign_reference_id), 0) + 1 AS next FROM documents WHERE foreign_reference_table = 'ccda'",
  );
  const [{ next }] = Numbers.parse(numbers);
  const titles = Titles.parse(problems).map(({ title }) => title);
  return addDocument(connection, documentsDir, {
    pid,
    name: `CCDA_${lname}_${fname}.xml`,
    mimetype: 'text/xml',
    category: 'CCDA',
    bytes: Buffer.from(clinicalDocument(`${fname} ${lname}`, titles, { start, end })),
    reference: { table: 'ccda', id: next },
  });
}

function clinicalDocument(
  name: string,
  problems: readonly string[],
  { start, end }: Omit<DocRefQuery, 'patientUuid'>,
): string {
  const bound = (element: string, value: string | null): string =>
    value === null ? '' : `<${element} value="${escaped(value.replaceAll('-', ''))}"/>`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- OpenEMR SIMULATOR: a C-CDA in form only -->
<ClinicalDocument xmlns="urn:hl7-org:v3">
<code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summary of episode note"/>
<title>Continuity of Care Document</title>
<recordTarget><patientRole><patient><name>${escaped(name)}</name></patient></patientRole></recordTarget>
<documentationOf><serviceEvent><effectiveTime>${bound('low', start)}${bound('high', end)}</effectiveTime></serviceEvent></documentationOf>
<component><structuredBody><component><section><title>Problems</title>
<text><list>${problems.map((title) => `<item>${escaped(title)}</item>`).join('')}</list></text>
</section></component></structuredBody></component>
</ClinicalDocument>
`;
}

function escaped(text: string): string {
  return text.replace(/[<>&"]/g, (sign) => `&#${String(sign.charCodeAt(0))};`);
}

/** In the shape of the recorded search answers. */
function bundleOf(uuid: string, patientUuid: string, siteAddress: string): SimAnswer {
  const resource = {
    id: uuid,
    resourceType: 'DocumentReference',
    status: 'current',
    subject: { reference: `Patient/${patientUuid}`, type: 'Patient' },
    content: [{ attachment: { contentType: 'text/xml', url: `${siteAddress}/apis/default/fhir/Binary/${uuid}` } }],
  };
  const body = Buffer.from(
    JSON.stringify({ resourceType: 'Bundle', type: 'collection', total: 1, entry: [{ resource }] }),
  );
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'content-length': String(body.length) },
    body,
  };
}
