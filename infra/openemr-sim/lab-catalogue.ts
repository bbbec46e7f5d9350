import type { Connection, RowDataPacket } from 'mysql2/promise';
import { insertRow } from './insert-rows.js';
import { LABS } from './practice.js';

/**
 * The laboratories' reference ranges by LOINC, as they print them. Synthea gives none; these are the ranges of the
 * recorded practice, in every notation OpenEMR's free text column meets: `a-b`, `<b`, `>a`, a low of 0, none.
 */
const RANGES: Readonly<Record<string, string>> = {
  '10834-0': '',
  '14959-1': '<30',
  '1742-6': '7-56',
  '1751-7': '3.5-5.0',
  '18262-6': '0-99',
  '1920-8': '10-40',
  '1975-2': '0.1-1.2',
  '20565-8': '23-29',
  '2069-3': '96-106',
  '2085-9': '40-60',
  '2093-3': '0-199',
  '21000-5': '39-46',
  '2339-0': '65-99',
  '2571-8': '<150',
  '2857-1': '<4.0',
  '2885-2': '6.0-8.3',
  '2947-0': '136-144',
  '32207-3': '9.4-12.3',
  '32623-1': '7.5-11.5',
  '33914-3': '>59',
  '38483-4': '0.6-1.2',
  '4544-3': '36-50',
  '4548-4': '4.0-5.6',
  '49765-1': '8.5-10.2',
  '6298-4': '3.7-5.2',
  '6299-2': '7-20',
  '6690-2': '4.5-11.0',
  '6768-6': '44-147',
  '718-7': '12.0-17.5',
  '777-3': '150-450',
  '785-6': '27-33',
  '786-4': '32-36',
  '787-2': '80-100',
  '789-8': '4.2-5.9',
};

export function referenceRange(loinc: string): string {
  return RANGES[loinc] ?? '';
}

/** Option ids of list `proc_res_abnormal`, or '' where nobody judged the value. */
export type Abnormal = '' | 'no' | 'low' | 'high' | 'vhigh';

/** A value half as high again as the upper limit is beyond the panic limit. */
export function judge(value: number, range: string): Abnormal {
  const between = /^(-?[\d.]+)-(-?[\d.]+)$/.exec(range);
  const below = /^<([\d.]+)$/.exec(range);
  const above = /^>([\d.]+)$/.exec(range);
  if (!between && !below && !above) {
    return '';
  }
  const low = Number(between?.[1] ?? above?.[1] ?? Number.NEGATIVE_INFINITY);
  const high = Number(between?.[2] ?? below?.[1] ?? Number.POSITIVE_INFINITY);
  if (value > high) {
    return value >= high * 1.5 ? 'vhigh' : 'high';
  }
  return value < low ? 'low' : 'no';
}

/** Panels that go to the reference laboratory; everything else is done in house. */
const SENT_OUT = new Set(['24323-8', '55405-5', '2857-1', '57905-2']);

export interface OrderCode {
  labId: number;
  procedureCode: string;
}

export function orderCode(loinc: string): OrderCode {
  const lab = SENT_OUT.has(loinc) ? LABS[1] : LABS[0];
  return { labId: lab.ppid, procedureCode: lab.codePrefix + loinc.replaceAll(/\D/g, '') };
}

/**
 * Makes sure the laboratory's compendium (`procedure_type`) has the test. The reference laboratory enters its codes
 * with their `LOINC:` prefix, the other bare: both spellings occur in real compendia.
 */
export async function ensureOrderable(
  connection: Connection,
  test: { loinc: string; name: string },
): Promise<OrderCode> {
  const code = orderCode(test.loinc);
  const [known] = await connection.execute<RowDataPacket[]>(
    'SELECT procedure_type_id FROM procedure_type WHERE lab_id = ? AND procedure_code = ?',
    [code.labId, code.procedureCode],
  );
  if (known.length === 0) {
    await insertRow(connection, 'procedure_type', {
      parent: 0,
      name: test.name,
      lab_id: code.labId,
      procedure_code: code.procedureCode,
      procedure_type: 'ord',
      body_site: '',
      specimen: 'blood',
      route_admin: '',
      laterality: '',
      description: test.name,
      standard_code: code.labId === LABS[1].ppid ? `LOINC:${test.loinc}` : test.loinc,
      related_code: '',
      units: '',
      range: '',
      seq: 0,
      activity: 1,
      notes: '',
      procedure_type_name: 'laboratory_test',
    });
  }
  return code;
}
