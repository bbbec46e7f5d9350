import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import type { PortalClient } from '../demo/portal-client.js';
import { addDocument } from '../openemr-sim/clinic-documents.js';
import { startMail } from '../openemr-sim/clinic-mail.js';
import { canary, huntCanaries, newHunt } from './canary-hunt.js';

/** Where a patient's canaries are: every section that carries text, a message in each direction, and the names. */
export const CANARY_KINDS = [
  'firstname',
  'surname',
  'street',
  'medication',
  'laboratory',
  'filename',
  'document',
  'received',
  'subject',
  'sent',
] as const;
export type CanaryKind = (typeof CANARY_KINDS)[number] | 'signinname';

/** @param set tells the canaries of one planting from those of a later one */
export function labelOf(pid: number, kind: CanaryKind, set = 0): string {
  return `p${String(pid).padStart(6, '0')}s${String(set)}${kind}`;
}

/** Labels that a thief with this patient's open chart may find. The sign-in name is stored nowhere. */
export function labelsOf(pid: number): string[] {
  return CANARY_KINDS.map((kind) => labelOf(pid, kind)).sort();
}

/** Labels of what `plantInOpenEmr` and `writeToPatient` write. */
export function labelsFromClinic(pid: number, set: number): string[] {
  return CANARY_KINDS.filter((kind) => kind !== 'sent' && kind !== 'subject').map((kind) => labelOf(pid, kind, set));
}

/**
 * Writes the canaries of one patient into OpenEMR's tables, where the sections are read from.
 * @param documentsDir where the simulator keeps documents
 */
export async function plantInOpenEmr(openemr: Connection, documentsDir: string, pid: number, set = 0): Promise<void> {
  const at = (kind: CanaryKind): string => canary(labelOf(pid, kind, set));
  await openemr.execute('UPDATE patient_data SET fname = ?, lname = ?, street = ? WHERE pid = ?', [
    at('firstname'),
    at('surname'),
    at('street'),
    pid,
  ]);
  await openemr.execute(
    `INSERT INTO prescriptions (patient_id, drug, note, date_added, date_modified, start_date, active, provider_id, medication)
     VALUES (?, ?, '', NOW(), NOW(), CURDATE(), 1, 1, 1)`,
    [pid, at('medication')],
  );
  await openemr.execute(
    `UPDATE procedure_result AS result
       JOIN procedure_report AS report ON report.procedure_report_id = result.procedure_report_id
       JOIN procedure_order AS o ON o.procedure_order_id = report.procedure_order_id
        SET result.comments = ? WHERE o.patient_id = ?`,
    [at('laboratory'), pid],
  );
  const bytes = Buffer.from(`${'A line before it.\n'.repeat(5_000)}${at('document')}\n`);
  await addDocument(openemr, documentsDir, { pid, name: `${at('filename')}.txt`, mimetype: 'text/plain', bytes });
}

/** A message of the practice to a patient who has a portal identity by now. */
export async function writeToPatient(openemr: Connection, pid: number, set = 0): Promise<void> {
  await startMail(openemr, {
    staff: 'frontdesk',
    pid,
    title: 'General',
    body: `<p>${canary(labelOf(pid, 'received', set))}</p>`,
  });
}

const Years = z.object({ years: z.array(z.object({ section: z.string() })) });
const Documents = z.object({ contents: z.array(z.object({ documentId: z.string(), state: z.string() })) });
const Threads = z.object({ threads: z.array(z.object({ threadId: z.string() })) });

/** What the patient reads through the portal: labels by section. Sections of one year or thread are read one by one. */
export async function canariesInChart(client: PortalClient, patientRef: string): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  const read = async (name: string): Promise<Record<string, unknown>> => {
    const { status, body } = await client.section(patientRef, name);
    if (status === 200) {
      const hunt = newHunt();
      huntCanaries(hunt, name, Buffer.from(JSON.stringify(body)));
      found.set(name, new Set(hunt.found.keys()));
    }
    return body;
  };
  await read('profile');
  await read('medications');
  const years = Years.safeParse(await read('results'));
  const threads = Threads.safeParse(await read('messages'));
  const documents = Documents.safeParse(await read('documents'));
  const parts = [
    ...(years.data?.years ?? []).map(({ section }) => section),
    ...(threads.data?.threads ?? []).map(({ threadId }) => `messages/${threadId}`),
  ];
  for (const name of parts) {
    await read(name);
  }
  for (const { documentId } of documents.data?.contents ?? []) {
    const { status, bytes } = await client.document(patientRef, documentId);
    if (status === 200) {
      huntDocument(found, documentId, bytes);
    }
  }
  return found;
}

/** Files that were there before the canaries carry none, and need none. */
function huntDocument(found: Map<string, Set<string>>, documentId: string, bytes: Buffer): void {
  const hunt = newHunt();
  huntCanaries(hunt, 'document', bytes);
  if (hunt.found.size > 0) {
    found.set(`document ${documentId}`, new Set(hunt.found.keys()));
  }
}

/**
 * Whether finding nothing in the DMZ would mean something: every canary is in the chart, and no section that carries
 * text is without one. The list of years carries none.
 */
export function isChartMarked(pid: number, chart: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const labels = new Set([...chart.values()].flatMap((some) => [...some]));
  const unmarked = [...chart].filter(([name, some]) => name !== 'results' && some.size === 0);
  return [...labels].sort().join() === labelsOf(pid).join() && unmarked.length === 0;
}
