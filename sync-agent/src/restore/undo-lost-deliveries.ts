import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { readLostDeliveries, type LostDelivery } from '../openemr/compare-deliveries.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';

const PAGE = 500;

const Places = z.array(z.object({ stream: z.string(), streamSeq: z.number() }));
const Later = z.array(z.object({ submissionId: z.string() }));
const UUID = "LOWER(INSERT(INSERT(INSERT(INSERT(HEX(submission_id), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'))";

/**
 * OpenEMR was restored and lost deliveries: they are delivered again, in their order, from the envelopes that the ledger
 * keeps. Only the end of a stream is taken back: what OpenEMR lacks before something that it holds was removed there by
 * somebody. In the caller's transaction. @returns how many are delivered again
 */
export async function undoLostDeliveries(
  manager: EntityManager,
  tables: OpenEmrTables,
  resourceIdKey: Uint8Array,
): Promise<number> {
  const lost = await readAllLost(manager, tables, resourceIdKey);
  const ids = new Set(lost.map(({ submissionId }) => submissionId));
  let undone = 0;
  for (const submissionId of ids) {
    if (await isAtTheEnd(manager, submissionId, ids)) {
      await undo(manager, submissionId);
      undone += 1;
    } else {
      await manager.query('DELETE FROM thread_mail WHERE submission_id = ?', [bytesOf(submissionId)]);
    }
  }
  return undone;
}

async function readAllLost(
  manager: EntityManager,
  tables: OpenEmrTables,
  resourceIdKey: Uint8Array,
): Promise<LostDelivery[]> {
  const all: LostDelivery[] = [];
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const { lost, lowest } = await readLostDeliveries(manager, tables, resourceIdKey, { before, newest: PAGE });
    all.push(...lost);
    if (lost.length === 0 || lowest === null) {
      return all;
    }
    before = lowest;
  }
}

async function isAtTheEnd(manager: EntityManager, submissionId: string, lost: ReadonlySet<string>): Promise<boolean> {
  const rows: unknown = await manager.query(
    `SELECT ${UUID.replaceAll('submission_id', 'later.submission_id')} AS submissionId FROM submission this
       JOIN submission later ON later.stream = this.stream AND later.stream_seq > this.stream_seq AND later.state = 'DONE'
      WHERE this.submission_id = ?`,
    [bytesOf(submissionId)],
  );
  return Later.parse(rows).every((later) => lost.has(later.submissionId));
}

async function undo(manager: EntityManager, submissionId: string): Promise<void> {
  const id = bytesOf(submissionId);
  const places: unknown = await manager.query(
    'SELECT LOWER(HEX(stream)) AS stream, stream_seq AS streamSeq FROM submission WHERE submission_id = ?',
    [id],
  );
  await manager.query(
    `UPDATE thread t JOIN thread_mail m ON m.mail_id IN (t.first_patient_mail_id, t.first_staff_mail_id)
        SET t.first_patient_mail_id = NULL, t.first_staff_mail_id = NULL WHERE m.submission_id = ?`,
    [id],
  );
  await manager.query('DELETE FROM thread_mail WHERE submission_id = ?', [id]);
  await manager.query(
    `UPDATE submission SET state = 'RECEIVED', reason = NULL, done_at = NULL, settled_at = NULL, effect = NULL
      WHERE submission_id = ?`,
    [id],
  );
  for (const { stream, streamSeq } of Places.parse(places)) {
    // What stopped the stream is set aside at its own later number and blocks there still.
    await manager.query(
      'UPDATE stream SET next_seq = LEAST(next_seq, ?), stopped_reason = NULL WHERE stream = UNHEX(?)',
      [streamSeq, stream],
    );
  }
}

function bytesOf(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
