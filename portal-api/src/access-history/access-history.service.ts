import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Digest, Instant, Ref } from 'sync-contract/identifiers';
import type { RecordClass } from 'sync-contract/classes';
import { z } from 'zod';
import type { AuditAction } from '../audit/audit-chain.js';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { hexBytes } from '../database/hex-column.js';
import type { AccessEntryView, AccessHistoryView } from '../http.js';
import { NotFound } from '../problems/request.problems.js';
import { SessionGrants } from '../sessions/session-grants.js';
import type { Session } from '../sessions/session.js';
import { openMark, sealMark } from './page-mark.js';
import { ShownParts } from './shown-parts.js';

const PAGE = 50;

/** What a page does by itself and shows nothing of anybody. All else is listed, also what is yet unknown here. */
const BESIDE_THE_RECORD: readonly AuditAction[] = [
  'chart-status',
  'grant-open',
  'events-open',
  'receipts-read',
  'document-broken',
];

/** What is taken from an entry's body. */
const StoredEntry = z.looseObject({
  at: Instant,
  action: z.string(),
  outcome: z.enum(['ok', 'refused', 'failed']),
  actor: Ref,
  onBehalfOf: Ref.nullable(),
  session: Digest.nullable(),
  ip: z.string().nullable(),
  object: z.string().nullable(),
});
type StoredEntry = z.infer<typeof StoredEntry>;

interface Row {
  n: number | string;
  body: string;
}

const LISTED = `JSON_VALUE(body, '$.action') NOT IN (${BESIDE_THE_RECORD.map((action) => `'${action}'`).join(', ')})`;

/** The indexes, whatever the server thinks of reading backwards through everybody's entries instead. */
export const OWN = `SELECT n, body FROM audit_entry FORCE INDEX (ix_audit_entry_account_ref)
  WHERE account_ref = ? AND n < ? AND ${LISTED} ORDER BY n DESC LIMIT ?`;
export const OF_OTHERS = `SELECT n, body FROM audit_entry FORCE INDEX (ix_audit_entry_patient_ref)
  WHERE patient_ref = ? AND account_ref <> ? AND n < ? AND ${LISTED} ORDER BY n DESC LIMIT ?`;

/**
 * What the audit log holds for a person: all that their account did, and on their own chart what every other account did.
 * Who acts for somebody else sees only their own acts. From where others came is theirs to know.
 */
@Injectable()
export class AccessHistoryService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly grants: SessionGrants,
    private readonly parts: ShownParts,
    private readonly audit: AuditService,
  ) {}

  /**
   * Newest first. The look itself is an entry, committed before the answer.
   * @param mark `next` of the page before; undefined begins
   * @throws NotFound when it is a mark of nobody or of somebody else
   */
  async page(session: Session, mark: unknown, origin: AuditOrigin): Promise<AccessHistoryView> {
    const before = mark === undefined ? Number.MAX_SAFE_INTEGER : openMark(session, mark);
    if (before === null) {
      throw new NotFound();
    }
    await this.grants.refresh(session, origin);
    const rows = await this.rowsBefore(session, before);
    const shown = rows.slice(0, PAGE);
    const entries = await this.views(session, shown.flatMap(readBody).filter(isOf(session)));
    const last = shown.at(-1);
    await this.audit.record({ ...origin, action: 'access-history', outcome: 'ok' });
    return {
      entries,
      next: rows.length > PAGE && last !== undefined ? sealMark(session, Number(last.n)) : null,
    };
  }

  /** One more than a page, if there are. */
  private async rowsBefore(session: Session, before: number): Promise<Row[]> {
    const account = hexBytes(session.accountRef);
    const looks: [string, unknown[]][] = [
      [OWN, [account, before, PAGE + 1]],
      ...ownCharts(session).map((patientRef): [string, unknown[]] => [
        OF_OTHERS,
        [hexBytes(patientRef), account, before, PAGE + 1],
      ]),
    ];
    const found = await Promise.all(looks.map(([sql, values]) => this.dataSource.query<Row[]>(sql, values)));
    return found
      .flat()
      .sort((a, b) => Number(b.n) - Number(a.n))
      .slice(0, PAGE + 1);
  }

  private async views(session: Session, entries: readonly StoredEntry[]): Promise<AccessEntryView[]> {
    const classes = new Map<string, RecordClass>();
    for (const chart of session.chartList) {
      const ids = entries.filter((entry) => entry.onBehalfOf === chart.patientRef).flatMap(shownSection);
      for (const [id, recordClass] of ids.length === 0 ? [] : await this.parts.classesOf(chart, new Set(ids))) {
        classes.set(id, recordClass);
      }
    }
    return entries.map((entry) => {
      const isOwn = entry.actor === session.accountRef;
      return {
        at: entry.at,
        action: entry.action,
        outcome: entry.outcome,
        who: isOwn ? 'you' : 'another',
        patientRef: entry.onBehalfOf,
        recordClass: shownSection(entry).flatMap((id) => classes.get(id) ?? [])[0] ?? null,
        documentId: openedDocument(session, entry),
        address: isOwn ? entry.ip : null,
        thisSession: entry.session === session.idHash,
      };
    });
  }
}

function ownCharts(session: Session): string[] {
  return session.chartList.filter(({ relation }) => relation === 'self').map(({ patientRef }) => patientRef);
}

/** None of what no program of ours wrote. */
function readBody({ body }: Row): StoredEntry[] {
  const entry = StoredEntry.safeParse(JSON.parse(body));
  return entry.success ? [entry.data] : [];
}

/** By the body: the columns that found it are in no hash. */
function isOf(session: Session): (entry: StoredEntry) => boolean {
  const charts = new Set(ownCharts(session));
  return ({ actor, onBehalfOf }) => actor === session.accountRef || (onBehalfOf !== null && charts.has(onBehalfOf));
}

const OPENS_DOCUMENT: readonly string[] = ['document-view', 'document-download'] satisfies AuditAction[];

/** Null for all else, and of a chart that this session cannot read: there is no list to find it in. */
function openedDocument(session: Session, { action, object, onBehalfOf }: StoredEntry): string | null {
  const canList = session.chartList.some(({ patientRef }) => patientRef === onBehalfOf);
  return canList && OPENS_DOCUMENT.includes(action) ? object : null;
}

function shownSection({ action, object }: StoredEntry): string[] {
  return action === ('chart-read' satisfies AuditAction) && object !== null ? [object] : [];
}
