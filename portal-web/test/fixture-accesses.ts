import type { AccessEntryView } from 'portal-api/http';
import { PATIENT_REF } from './fixture-chart.js';

/** FIXTURE: entries of the access history. */
export function access(changes: Partial<AccessEntryView>): AccessEntryView {
  return {
    at: new Date().toISOString(),
    action: 'chart-read',
    outcome: 'ok',
    who: 'you',
    patientRef: PATIENT_REF,
    recordClass: null,
    documentId: null,
    address: '192.0.2.7',
    thisSession: false,
    ...changes,
  };
}

/** So many, an hour apart, of all kinds, newest first; none belongs together with another. */
export function accesses(n: number): AccessEntryView[] {
  const kinds: Partial<AccessEntryView>[] = [
    { recordClass: 'results', thisSession: true },
    { action: 'sign-in' },
    { action: 'sign-in-password', outcome: 'failed', address: '2001:db8:85a3:1234:5678:8a2e:370:7334' },
    { action: 'document-download' },
    { who: 'another', address: null, recordClass: 'social-history' },
    { patientRef: 'e'.repeat(32) },
    { action: 'kind-of-a-later-version', outcome: 'refused' },
  ];
  return Array.from({ length: n }, (_, i) =>
    access({ ...kinds[i % kinds.length], at: new Date(Date.UTC(2026, 10, 3, 12) - i * 3_600_000).toISOString() }),
  );
}
