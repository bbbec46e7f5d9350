import type { EntityManager } from 'typeorm';
import { RENDERED_CLASSES } from './dirty.js';

/** Own copies that a backup of the DMZ may hold: no such backup is older than envelopes are kept. */
const COPIES_KEPT = '30 DAY';

/**
 * In the caller's transaction: the DMZ is owed everything again. Every chart is rendered and pushed whole, revocations,
 * grants, invites and the newest answer to each account go out again, and own copies that a backup brought back are settled.
 */
export async function oweEverything(manager: EntityManager): Promise<void> {
  // A push that is on its way says nothing about what is owed from here on: it settles no dirty row.
  await manager.query('UPDATE feed_position SET generation = generation + 1 WHERE id = 1');
  await manager.query('DELETE FROM chart_section');
  await manager.query(
    `INSERT INTO dirty (pid, record_class, file_no, file_offset)
      SELECT c.pid, k.record_class, COALESCE(f.file_no, 0), COALESCE(f.file_offset, 0)
        FROM chart c JOIN patient p ON p.pid = c.pid AND p.state <> 'revoked'
        CROSS JOIN (${RENDERED_CLASSES.map((_, n) => (n === 0 ? 'SELECT ? AS record_class' : 'SELECT ?')).join(' UNION ALL ')}) k
        LEFT JOIN feed_position f ON f.id = 1
       WHERE TRUE
      ON DUPLICATE KEY UPDATE touches = dirty.touches + 1`,
    [...RENDERED_CLASSES],
  );
  await manager.query(
    `UPDATE submission SET settled_at = NULL
      WHERE settled_at > DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ${COPIES_KEPT}) AND state = 'DONE'`,
  );
  await manager.query("UPDATE document_blob SET state = 'wanted', retry_at = NULL WHERE state = 'held'");
  await manager.query("UPDATE account_grant SET pushed_at = NULL WHERE state = 'active'");
  await manager.query("UPDATE outgoing SET pushed_at = NULL WHERE kind = 'revocation'");
  await manager.query("UPDATE invite SET pushed_at = NULL WHERE state <> 'accepted'");
  await manager.query(
    `UPDATE outgoing o JOIN (SELECT MAX(id) AS id FROM outgoing WHERE kind = 'enrolment'
        GROUP BY JSON_VALUE(body, '$.accountRef')) newest ON newest.id = o.id SET o.pushed_at = NULL`,
  );
}
