import { mail } from './fixture-chart.js';

const DAY = 86_400_000;
const NEWEST = Date.UTC(2026, 0, 1, 15);

/** FIXTURE: an account and its clinic with far more of everything than a page can show at once. */
const dayBefore = (place: number): string => new Date(NEWEST - place * DAY).toISOString();

export const threadIdOf = (place: number): string => place.toString(16).padStart(32, '0');

/** The section `messages` with so many conversations, newest first. */
export function manyThreads(n: number): object {
  return {
    threads: Array.from({ length: n }, (_, place) => ({
      threadId: threadIdOf(place),
      topic: 'General',
      subject: `Conversation ${String(place)}`,
      messages: 2,
      unread: 0,
      lastAt: dayBefore(place),
      lastFrom: 'practice',
      excerpt: 'We will call you.',
    })),
  };
}

/** The section of one conversation with so many messages, oldest first. Every tenth is the clinic's, not the last ones. */
export function longThread(threadId: string, n: number): { messages: object[] } {
  const message = (place: number): object => {
    const isAnswer = place % 10 === 0;
    return mail(
      `long-${String(place)}`,
      isAnswer ? 'practice' : 'patient',
      isAnswer ? 'Nora Greene, MD' : 'Rosalind Okafor-Lindqvist',
      dayBefore(n - place),
      `Message number ${String(place)}.`,
      isAnswer ? null : `01890000-0000-7000-9000-${String(place).padStart(12, '0')}`,
    );
  };
  const said = { threadId, topic: 'General', subject: 'A long conversation' };
  return { ...said, messages: Array.from({ length: n }, (_, place) => message(place)) };
}

/** The section `documents` with so many letters, newest first, none of which the clinic offers to open. */
export function manyDocuments(n: number): object {
  const ids = Array.from({ length: n }, (_, place) => `letter-${String(place)}`);
  return {
    resources: ids.map((id, place) => ({
      ...{ resourceType: 'DocumentReference', id, status: 'current', date: dayBefore(place) },
      content: [{ attachment: { contentType: 'application/pdf', title: `Letter ${String(place)}` } }],
    })),
    contents: ids.map((documentId) => ({ documentId, state: 'none', reason: 'not-offered' })),
  };
}

/** A bill with so many services, and as many payments of one dollar each. */
function longStatement(id: string, date: string, n: number): object {
  return {
    ...{ id, date, withInsurer: false },
    charges: Array.from({ length: n }, (_, place) => ({
      ...{ id: `${id}-c${String(place)}`, code: null, text: `Service ${String(place)} of ${id}`, units: 1 },
      amount: '2.00',
    })),
    payments: Array.from({ length: n }, (_, place) => ({
      ...{ id: `${id}-p${String(place)}`, date: dayBefore(n - place).slice(0, 10), from: 'patient', method: 'Cash' },
      amount: '1.00',
    })),
    adjustments: [],
    charged: `${String(2 * n)}.00`,
    paid: `${String(n)}.00`,
    adjusted: '0.00',
    open: `${String(n)}.00`,
    due: `${String(n)}.00`,
  };
}

/** The section `billing`: so many statements, the first with `services` services and payments, the others with two. */
export function longAccount(statements: number, services: number): object {
  const owed = `${String(services + 2 * (statements - 1))}.00`;
  return {
    ...{ currency: 'USD', balance: owed, balanceWithInsurance: owed },
    statements: Array.from({ length: statements }, (_, place) =>
      longStatement(`visit-${String(place)}`, dayBefore(place), place === 0 ? services : 2),
    ),
  };
}
