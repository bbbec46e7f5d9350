import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { DECISION_KINDS } from '../ledger/release.entities.js';
import { isReleaseReason, RELEASE_REASONS } from './release-reasons.js';

/** A decision with what it did. Instants are UTC. */
const Rule = z.object({
  id: z.number(),
  kind: z.enum(DECISION_KINDS),
  pid: z.coerce.number().nullable(),
  resourceId: z.string().nullable(),
  recordClass: z.string().nullable(),
  codeSystem: z.string().nullable(),
  code: z.string().nullable(),
  sensitivity: z.string().nullable(),
  reason: z.string(),
  author: z.string(),
  operator: z.string(),
  madeAt: z.string(),
  expiresAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  endedBy: z.string().nullable(),
  /** entries that it holds now, in how many charts */
  holds: z.coerce.number(),
  charts: z.coerce.number(),
  /** entries that it has ever held */
  everHeld: z.coerce.number(),
  /** charts that have not been rendered since some change, so the numbers may grow */
  unread: z.coerce.number(),
});
export type Rule = z.infer<typeof Rule>;

const INSTANT = (column: string): string => `DATE_FORMAT(${column}, '%Y-%m-%dT%H:%i:%sZ')`;

/**
 * A patient's wish is one of them; which results the patient asked for nevertheless is not.
 * @param all also those that have ended @param since of those only what ended after this many days ago
 */
export async function readRules(manager: EntityManager, all: boolean, since: number | null = null): Promise<Rule[]> {
  const ended = all
    ? `d.kind <> 'show'${since === null ? '' : ' AND (d.ended_at IS NULL OR d.ended_at > UTC_TIMESTAMP() - INTERVAL ? DAY)'}`
    : "d.kind <> 'show' AND d.ended_at IS NULL";
  const rows: unknown = await manager.query(
    `SELECT d.id, d.kind, d.pid, LOWER(HEX(d.resource_id)) AS resourceId, d.record_class AS recordClass,
            d.code_system AS codeSystem, d.code, d.sensitivity, d.reason, d.author, d.operator,
            ${INSTANT('d.made_at')} AS madeAt, ${INSTANT('d.expires_at')} AS expiresAt,
            ${INSTANT('d.ended_at')} AS endedAt, d.ended_by AS endedBy,
            (SELECT COUNT(*) FROM withheld_item w WHERE w.decision_id = d.id AND w.ended_at IS NULL) AS holds,
            (SELECT COUNT(DISTINCT w.pid) FROM withheld_item w WHERE w.decision_id = d.id AND w.ended_at IS NULL) AS charts,
            (SELECT COUNT(*) FROM withheld_item w WHERE w.decision_id = d.id) AS everHeld,
            (SELECT COUNT(DISTINCT x.pid) FROM dirty x WHERE d.pid IS NULL OR x.pid = d.pid) AS unread
       FROM release_decision d WHERE ${ended} ORDER BY d.id`,
    all && since !== null ? [since] : [],
  );
  return z.array(Rule).parse(rows);
}

export function describeRules(rules: readonly Rule[]): string {
  return rules.length === 0
    ? 'nothing is held: everything goes out at once\n'
    : `${rules.map(describeRule).join('\n')}\n`;
}

function describeRule(rule: Rule): string {
  const words = isReleaseReason(rule.reason) ? RELEASE_REASONS[rule.reason] : '';
  return [
    `${String(rule.id)}  ${rule.kind} ${whatOf(rule)}`,
    `${rule.reason} ${words}`,
    `by ${rule.author} (${rule.operator}) at ${rule.madeAt}, ${endOf(rule)}`,
    effectOf(rule),
  ].join('; ');
}

function whatOf({ kind, pid, resourceId, recordClass, codeSystem, code, sensitivity }: Rule): string {
  return [
    kind === 'wish' ? 'to see new results once a clinician has' : '',
    resourceId === null ? '' : `item ${resourceId}`,
    recordClass === null ? '' : `of ${recordClass}`,
    code === null ? '' : `with code ${codeSystem === '' ? '' : `${codeSystem ?? ''}|`}${code}`,
    sensitivity === null ? '' : `of visits with sensitivity ${sensitivity}`,
    pid === null ? 'for all patients' : `for patient ${String(pid)}`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function endOf({ expiresAt, endedAt, endedBy }: Rule): string {
  if (endedAt !== null) {
    return endedBy === null ? `expired at ${endedAt}` : `lifted by ${endedBy} at ${endedAt}`;
  }
  return expiresAt === null ? 'until it is lifted' : `until ${expiresAt}`;
}

function effectOf({ kind, holds, charts, everHeld, endedAt, unread }: Rule): string {
  const yet = unread > 0 && endedAt === null ? `, ${String(unread)} charts are still to be read` : '';
  if (kind === 'wish') {
    return `${String(holds)} entries wait, ${String(everHeld)} have${yet}`;
  }
  if (everHeld === 0) {
    const nothing =
      kind === 'rule'
        ? 'has matched nothing: is its code or class what OpenEMR has?'
        : 'has not been needed in a chart yet';
    return `${nothing}${yet}`;
  }
  return endedAt === null
    ? `holds ${String(holds)} entries in ${String(charts)} charts${yet}`
    : `held ${String(everHeld)} entries`;
}
