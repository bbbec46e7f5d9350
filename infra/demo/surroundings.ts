import { THIS_MACHINE, type Place } from '../services/place.js';
import type { Zone } from '../zones/zones.js';

/** Where the system's parts run, and how they find each other. */
export interface Surroundings {
  readonly places: Record<Zone, Place>;
  /** as patients' browsers name the portal */
  readonly origin: string;
  /** where the gateway listens, and the address at which the agent finds it */
  readonly gateway: { listens: string; reached: string };
  /** the web proxy before portal-api; without it portal-api itself is the origin */
  readonly proxy?: {
    /** of the origin, for the proxy's certificate */
    publicName: string;
    /** socket behind which the proxy answers as it does in the internet */
    internetDoor: string;
  };
}

/** Everything on this machine's loopback, in plain HTTP, which browsers take for secure there. */
export function onThisMachine(portalPort: number): Surroundings {
  return {
    places: { dmz: THIS_MACHINE, inside: THIS_MACHINE },
    origin: `http://localhost:${String(portalPort)}`,
    gateway: { listens: '127.0.0.1', reached: '127.0.0.1' },
  };
}
