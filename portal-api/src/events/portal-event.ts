import { Ref } from 'sync-contract/identifiers';
import { z } from 'zod';

/** Redis channel on which the gateway says that something changed, after its commit. */
export const PORTAL_EVENTS_CHANNEL = 'portal:events';

const Kind = z.enum(['chart', 'account', 'receipt']);

/** Whose and what kind, never what. */
export const PortalEvent = z.union([
  z.object({ patientRef: Ref, kind: Kind, seq: z.int() }),
  z.object({ accountRef: Ref, kind: Kind, seq: z.int() }),
]);
export type PortalEvent = z.infer<typeof PortalEvent>;

export function refOf(event: PortalEvent): string {
  return 'patientRef' in event ? event.patientRef : event.accountRef;
}
