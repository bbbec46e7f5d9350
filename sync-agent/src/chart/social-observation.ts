import type { Resource } from 'sync-contract/section-content';
import { resource, SYSTEMS, usCore, type CodeableConcept, type Reference } from './fhir.js';
import type { RenderTools } from './render-tools.js';

const CATEGORIES = 'http://terminology.hl7.org/CodeSystem/observation-category';
export const SOCIAL_HISTORY: CodeableConcept = {
  coding: [{ system: CATEGORIES, code: 'social-history', display: 'Social History' }],
};
export const SURVEY: CodeableConcept = { coding: [{ system: CATEGORIES, code: 'survey', display: 'Survey' }] };

/** A kind of screening that US Core added to FHIR's own. */
export const screeningKind = (code: 'sdoh' | 'disability-status', display: string): CodeableConcept => ({
  coding: [{ system: usCore('us-core-category').replace('StructureDefinition', 'CodeSystem'), code, display }],
});

export const loinc = (code: string, display: string, text: string = display): CodeableConcept => ({
  coding: [{ system: SYSTEMS.loinc, code, display }],
  text,
});

/** Whose row it is of, and when that was so and was written. */
export interface Origin {
  table: string;
  key: string;
  effective?: string | undefined;
  issued?: string | undefined;
  performer?: Reference | undefined;
}

export function socialObservation(origin: Origin, content: Record<string, unknown>, tools: RenderTools): Resource {
  return resource({
    resourceType: 'Observation',
    id: tools.ids.id(origin.table, origin.key),
    status: 'final',
    category: [SOCIAL_HISTORY],
    subject: tools.ids.patient(tools.pid),
    effectiveDateTime: origin.effective,
    issued: origin.issued,
    performer: [origin.performer],
    ...content,
  });
}
