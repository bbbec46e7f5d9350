import type { System } from '../demo/system.js';
import { controlsPart } from './controls-part.js';
import type { DataFlow } from './data-flow.js';
import { dataFlowPart } from './data-flow-part.js';
import type { EvidencePart } from './evidence-part.js';
import { inventoryPart } from './inventory-part.js';
import { keyRegisterPart } from './key-register-part.js';
import { liveFacts } from './live-facts.js';
import { rightsPart } from './rights-part.js';
import { auditPart, sbomPart } from './supply-chain-part.js';
import { zonesPart } from './zones-part.js';

/** The parts that look at the running system, and those that need only the code. */
export async function partsOfSystem(system: System, gatewayPort: number): Promise<EvidencePart[]> {
  const { services, origin } = system;
  const inventory = await inventoryPart(services.dmz);
  const rights = await rightsPart(services);
  const known = { rightsEqual: rights.holds === true, inventoryHolds: inventory.holds === true };
  const facts = await liveFacts(services, { origin, gatewayPort }, known);
  return [inventory, await keyRegisterPart(services), rights, controlsPart(facts)];
}

export function partsOfCode(flow: DataFlow): EvidencePart[] {
  return [zonesPart(), dataFlowPart(flow), sbomPart(), auditPart()];
}

export function inOrder(parts: readonly EvidencePart[]): EvidencePart[] {
  return [...parts].sort((a, b) => (a.name < b.name ? -1 : 1));
}
