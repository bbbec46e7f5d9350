import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { MARKER_PATTERN, deliveryMarker } from './delivery-marker.js';
import type { OpenEmrTables } from './writer-tables.js';

/** A message that the ledger delivered and OpenEMR does not hold any more. */
export interface LostDelivery {
  submissionId: string;
  mailId: number;
}

const Counted = z.array(z.object({ n: z.coerce.number() }));
const Delivered = z.array(
  z.object({
    mailId: z.coerce.number(),
    submissionId: z.string(),
    effect: z.string(),
    found: z.coerce.number().nullable(),
    header: z.string().nullable(),
  }),
);
const Effect = z.looseObject({ marked: z.literal(true) });
const NextIds = z.array(z.object({ next: z.coerce.number().nullable() }));
const Qualified = z.string().transform((name) => name.replaceAll('`', '').split('.'));

/**
 * How many of OpenEMR's newest mails since the era began are deliveries that the ledger knows nothing of. Ledger and OpenEMR are looked at in
 * one statement, and a delivery is one transaction in both, so any is the sign of a restore.
 * @param newest so many mails are looked at
 */
export async function countUnknownDeliveries(
  manager: Pick<EntityManager, 'query'>,
  tables: OpenEmrTables,
  newest: number,
): Promise<number> {
  const rows: unknown = await manager.query(
    `SELECT COUNT(*) AS n FROM (SELECT id, header FROM ${tables.mail} ORDER BY id DESC LIMIT ?) m
       LEFT JOIN thread_mail t ON t.mail_id = m.id
      WHERE t.mail_id IS NULL AND m.header REGEXP ?
        AND m.id > COALESCE((SELECT mails_up_to FROM era ORDER BY era DESC LIMIT 1), 0)`,
    [newest, MARKER_PATTERN],
  );
  return Counted.parse(rows)[0]?.n ?? 0;
}

/**
 * Of the ledger's deliveries below `before`, newest first, those that OpenEMR has lost: another mail has the number, or
 * none has and OpenEMR would give it out again. A number that OpenEMR has passed was removed there by somebody.
 */
export async function readLostDeliveries(
  manager: Pick<EntityManager, 'query'>,
  tables: OpenEmrTables,
  resourceIdKey: Uint8Array,
  { before, newest }: { before: number; newest: number },
): Promise<{ lost: LostDelivery[]; lowest: number | null }> {
  const rows: unknown = await manager.query(
    `SELECT t.mail_id AS mailId,
            LOWER(INSERT(INSERT(INSERT(INSERT(HEX(t.submission_id), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'))
              AS submissionId,
            s.effect, m.id AS found, m.header
       FROM (SELECT mail_id, submission_id FROM thread_mail
              WHERE mail_id < ? AND submission_id IS NOT NULL ORDER BY mail_id DESC LIMIT ?) t
       JOIN submission s ON s.submission_id = t.submission_id AND s.effect IS NOT NULL
       LEFT JOIN ${tables.mail} m ON m.id = t.mail_id
      ORDER BY t.mail_id DESC`,
    [before, newest],
  );
  const delivered = Delivered.parse(rows);
  const next = await nextMailId(manager, tables);
  const lost = delivered.filter(({ mailId, submissionId, effect, found, header }) => {
    if (!Effect.safeParse(jsonOf(effect)).success) {
      return false;
    }
    return found === null ? mailId >= next : header !== deliveryMarker(resourceIdKey, submissionId);
  });
  return {
    lost: lost.map(({ submissionId, mailId }) => ({ submissionId, mailId })),
    lowest: delivered.at(-1)?.mailId ?? null,
  };
}

/** The number that OpenEMR's server gives to the next mail. */
async function nextMailId(manager: Pick<EntityManager, 'query'>, tables: OpenEmrTables): Promise<number> {
  const [schema, table] = Qualified.parse(tables.mail);
  const rows: unknown = await manager.query(
    'SELECT auto_increment AS next FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
    [schema, table],
  );
  return NextIds.parse(rows)[0]?.next ?? 0;
}

const Highest = z.array(z.object({ id: z.coerce.number().nullable() }));

/** 0 without any mail. */
export async function highestMailId(manager: Pick<EntityManager, 'query'>, tables: OpenEmrTables): Promise<number> {
  const rows: unknown = await manager.query(`SELECT MAX(id) AS id FROM ${tables.mail}`);
  return Highest.parse(rows)[0]?.id ?? 0;
}

/** A whole table of mails is read once, however large it is. */
const AT_LENGTH = 'SET STATEMENT max_statement_time = 0 FOR';

/**
 * In the caller's transaction: writes down which mails carry the marker of a delivery that the ledger does not know of,
 * instead of those that were written down before. From then on such a delivery is found whatever name it is under.
 */
export async function noteForgottenDeliveries(
  manager: Pick<EntityManager, 'query'>,
  tables: OpenEmrTables,
): Promise<void> {
  await manager.query('DELETE FROM forgotten_delivery');
  await manager.query(
    `${AT_LENGTH} INSERT INTO forgotten_delivery (mail_id, marker)
      SELECT m.id, m.header FROM ${tables.mail} m LEFT JOIN thread_mail t ON t.mail_id = m.id
       WHERE t.mail_id IS NULL AND m.header REGEXP ?`,
    [MARKER_PATTERN],
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
