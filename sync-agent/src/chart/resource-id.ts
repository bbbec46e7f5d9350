import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { canonicalBytes } from 'sync-contract/canonical-json';
import type { Reference } from './fhir.js';

/** Names resources: hex HMAC-SHA-256 of (table, natural key), 32 digits. OpenEMR's uuids are NULL at first and set later. */
export class ResourceIds {
  /** A chart has thousands of ids: handed over as bytes each time, the key costs eight times what the HMAC costs. */
  private readonly key: KeyObject;
  /** Every resource names the patient, most of them a visit and a person. */
  private readonly named = new Map<string, string>();

  constructor(key: Uint8Array) {
    this.key = createSecretKey(key);
  }

  id(table: string, naturalKey: string | number): string {
    const row = `${table} ${String(naturalKey)}`;
    const known = this.named.get(row);
    if (known !== undefined) {
      return known;
    }
    const id = createHmac('sha256', this.key)
      .update(canonicalBytes([table, String(naturalKey)]))
      .digest('hex')
      .slice(0, 32);
    this.named.set(row, id);
    return id;
  }

  reference(type: string, table: string, naturalKey: string | number, display?: string): Reference {
    return { reference: `${type}/${this.id(table, naturalKey)}`, type, display };
  }

  patient(pid: number): Reference {
    return this.reference('Patient', 'patient_data', pid);
  }

  /** By the number that links everything of an encounter, `form_encounter.encounter`; 0 is none. */
  encounter(number: number): Reference | undefined {
    return number > 0 ? this.reference('Encounter', 'form_encounter', number) : undefined;
  }
}
