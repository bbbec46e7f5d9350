import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { PortalClient } from '../demo/portal-client.js';
import type { JournalEntry } from './journal.js';

export interface DeliveryFigures {
  accepted: number;
  unanswered: number;
  lost: number;
  doubled: number;
  misordered: number;
  /** rows in OpenEMR whose token the journal does not know */
  unexpected: number;
  /** messages of which OpenEMR holds one copy only */
  halved: number;
}

interface MailRow extends RowDataPacket {
  id: number;
  body: string;
  owner: string;
  sender_id: string;
}

const TOKEN = /tok[0-9a-f]{32}/;

/** Compares the clients' journal with OpenEMR's portal mail: each accepted message once in both mailboxes, in order. */
export async function checkDelivery(openemr: Connection, journal: readonly JournalEntry[]): Promise<DeliveryFigures> {
  const [rows] = await openemr.query<MailRow[]>('SELECT id, body, owner, sender_id FROM onsite_mail ORDER BY id');
  const copies = new Map<string, { patient: number[]; staff: number[] }>();
  for (const row of rows) {
    const token = TOKEN.exec(row.body)?.[0];
    if (token !== undefined) {
      const found = copies.get(token) ?? { patient: [], staff: [] };
      (row.owner === row.sender_id ? found.patient : found.staff).push(row.id);
      copies.set(token, found);
    }
  }
  const figures: DeliveryFigures = {
    accepted: journal.filter((entry) => entry.state === 'accepted').length,
    unanswered: journal.filter((entry) => entry.state === 'unanswered').length,
    lost: 0,
    doubled: 0,
    misordered: 0,
    unexpected: 0,
    halved: 0,
  };
  const known = new Set(journal.map((entry) => entry.token));
  figures.unexpected = [...copies.keys()].filter((token) => !known.has(token)).length;
  const lastOfThread = new Map<string, number>();
  for (const entry of journal) {
    const { patient, staff } = copies.get(entry.token) ?? { patient: [], staff: [] };
    if (entry.state === 'accepted' && patient.length === 0 && staff.length === 0) {
      figures.lost += 1;
    }
    if (patient.length > 1 || staff.length > 1) {
      figures.doubled += 1;
    } else if (patient.length !== staff.length) {
      figures.halved += 1;
    }
    const [id] = patient;
    if (id !== undefined) {
      const thread = `${String(entry.patient)}/${String(entry.thread)}`;
      if (id < (lastOfThread.get(thread) ?? 0)) {
        figures.misordered += 1;
      }
      lastOfThread.set(thread, Math.max(id, lastOfThread.get(thread) ?? 0));
    }
  }
  return figures;
}

interface ResultRow extends RowDataPacket {
  result: string;
  comments: string;
}

/** Laboratory values of one patient, by the marker each of the drill's results carries: OpenEMR against the portal. */
export async function resultDifferences(
  openemr: Connection,
  pid: number,
  client: PortalClient,
  patientRef: string,
): Promise<string[]> {
  const inOpenEmr = await resultsInOpenEmr(openemr, pid);
  const inPortal = await resultsInPortal(client, patientRef);
  const differences: string[] = [];
  for (const [marker, value] of inOpenEmr) {
    const shown = inPortal.get(marker) ?? [];
    if (shown.length !== 1 || shown[0] !== value) {
      differences.push(`result ${marker}: ${value} in OpenEMR, ${shown.join(' and ') || 'nothing'} in the portal`);
    }
  }
  for (const marker of inPortal.keys()) {
    if (!inOpenEmr.has(marker)) {
      differences.push(`result ${marker} is in the portal only`);
    }
  }
  return differences;
}

async function resultsInOpenEmr(openemr: Connection, pid: number): Promise<Map<string, string>> {
  const [rows] = await openemr.query<ResultRow[]>(
    `SELECT result.result, result.comments FROM procedure_order AS o
       JOIN procedure_report AS report ON report.procedure_order_id = o.procedure_order_id
       JOIN procedure_result AS result ON result.procedure_report_id = report.procedure_report_id
      WHERE o.patient_id = ? AND o.activity = 1 AND result.comments LIKE 'lab%'`,
    [pid],
  );
  return new Map(rows.map((row) => [row.comments, row.result]));
}

/** The same values as the patient sees them, each as often as it is shown. */
async function resultsInPortal(client: PortalClient, patientRef: string): Promise<Map<string, string[]>> {
  const values = new Map<string, string[]>();
  const index = await client.section(patientRef, 'results');
  const years = index.status === 200 && Array.isArray(index.body['years']) ? index.body['years'] : [];
  for (const year of years as { section: string }[]) {
    const section = await client.section(patientRef, year.section);
    const resources = Array.isArray(section.body['resources']) ? section.body['resources'] : [];
    for (const resource of resources as Record<string, unknown>[]) {
      const note = text(resource['note']);
      if (resource['resourceType'] === 'Observation' && note?.startsWith('lab') === true) {
        values.set(note, [...(values.get(note) ?? []), valueOf(resource)]);
      }
    }
  }
  return values;
}

function text(note: unknown): string | undefined {
  const first: unknown = Array.isArray(note) ? note[0] : undefined;
  return typeof first === 'object' && first !== null && 'text' in first ? String(first.text) : undefined;
}

function valueOf(observation: Record<string, unknown>): string {
  const quantity = observation['valueQuantity'];
  return typeof quantity === 'object' && quantity !== null && 'value' in quantity
    ? String(quantity.value)
    : typeof observation['valueString'] === 'string'
      ? observation['valueString']
      : '';
}

/** Every message of the patient's mailbox in OpenEMR against all threads the portal shows: tokens that differ. */
export async function mailDifferences(
  openemr: Connection,
  portalUsername: string,
  client: PortalClient,
  patientRef: string,
): Promise<string[]> {
  const [rows] = await openemr.query<MailRow[]>(
    'SELECT id, body, owner FROM onsite_mail WHERE owner = ? AND deleted = 0',
    [portalUsername],
  );
  const inOpenEmr = rows.map((row) => /(?:tok|rep)[0-9a-f]{32}/.exec(row.body)?.[0] ?? `row ${String(row.id)}`).sort();
  const inPortal: string[] = [];
  const index = await client.section(patientRef, 'messages');
  const threads = Array.isArray(index.body['threads']) ? index.body['threads'] : [];
  for (const { threadId } of threads as { threadId: string }[]) {
    const thread = await client.section(patientRef, `messages/${threadId}`);
    const messages = Array.isArray(thread.body['messages']) ? thread.body['messages'] : [];
    for (const { body } of messages as { body: string }[]) {
      inPortal.push(/(?:tok|rep)[0-9a-f]{32}/.exec(body)?.[0] ?? 'message without a token');
    }
  }
  inPortal.sort();
  return [
    ...inOpenEmr.filter((token) => !inPortal.includes(token)).map((token) => `${token} is not in the portal`),
    ...inPortal.filter((token) => !inOpenEmr.includes(token)).map((token) => `${token} is not in OpenEMR`),
    ...(inOpenEmr.length === inPortal.length
      ? []
      : [`${String(inOpenEmr.length)} messages in OpenEMR, ${String(inPortal.length)} in the portal`]),
  ];
}
