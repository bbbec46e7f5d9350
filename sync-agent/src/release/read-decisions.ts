import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { DecisionInForce } from '../chart/patient-wish.js';
import { DECISION_KINDS } from '../ledger/release.entities.js';

const Decisions = z.array(
  z.object({
    id: z.number(),
    kind: z.enum(DECISION_KINDS),
    resourceId: z.string().nullable(),
    recordClass: z.string().nullable(),
    codeSystem: z.string().nullable(),
    code: z.string().nullable(),
    sensitivity: z.string().nullable(),
    afterReport: z.coerce.number().nullable(),
  }),
);

/** The decisions in force that concern a patient, in a fixed order: one look into an index that most practices have empty. */
export async function readDecisions(manager: EntityManager, pid: number): Promise<DecisionInForce[]> {
  const rows: unknown = await manager.query(
    `SELECT id, kind, LOWER(HEX(resource_id)) AS resourceId, record_class AS recordClass, code_system AS codeSystem, code,
            sensitivity, after_report AS afterReport
       FROM release_decision WHERE ended_at IS NULL AND (pid IS NULL OR pid = ?) ORDER BY id`,
    [pid],
  );
  return Decisions.parse(rows);
}
