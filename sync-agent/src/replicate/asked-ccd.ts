import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { AskedCcd } from '../chart/render-ccd.js';
import { CCD_DOCUMENT, CCD_FINGERPRINT } from '../ledger/ccd-request.entity.js';
import type { DocumentFile } from '../openemr/read-documents.js';

/** The chart's newest request, and the blob of its file where the gateway has that already. */
export interface RequestedCcd extends AskedCcd {
  held: string | null;
}

const Rows = z
  .array(
    z.object({
      fingerprint: z.string(),
      from: z.string().nullable(),
      to: z.string().nullable(),
      keptAt: z.date(),
      held: z.string().nullable(),
    }),
  )
  .max(1);

/**
 * To be read before the render opens its snapshot. A file that OpenEMR makes later may show rows of another patient that
 * stand here by mistake and that the snapshot is without: the push waits for the feed to judge changes as far as the
 * snapshot, and no further.
 */
export async function readAskedCcd(manager: EntityManager, patientRef: string): Promise<RequestedCcd | null> {
  const rows: unknown = await manager.query(
    `SELECT LOWER(HEX(${CCD_FINGERPRINT})) AS fingerprint, r.from_day AS \`from\`, r.to_day AS \`to\`,
            r.kept_at AS keptAt,
            (SELECT LOWER(HEX(b.blob_id)) FROM document_blob b
              WHERE b.patient_ref = r.patient_ref AND b.document_id = ${String(CCD_DOCUMENT)}
                AND b.fingerprint = ${CCD_FINGERPRINT} AND b.state = 'held' LIMIT 1) AS held
       FROM ccd_request r WHERE r.patient_ref = UNHEX(?)`,
    [patientRef],
  );
  return Rows.parse(rows)[0] ?? null;
}

/** Its bytes, as the list's other entries name theirs. */
export function ccdFile({ fingerprint }: AskedCcd): DocumentFile {
  return { id: CCD_DOCUMENT, uuid: null, fingerprint, reason: null };
}
