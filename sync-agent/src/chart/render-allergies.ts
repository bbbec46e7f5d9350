import type { Resource } from 'sync-contract/section-content';
import type { AllergyRow, AllergyRows } from '../openemr/read-allergies.js';
import { profileMeta, resource, SYSTEMS, type CodeableConcept } from './fhir.js';
import { counted, entryCode, hasEnded, newestFirst, RESOLVED } from './list-entries.js';
import type { RenderTools } from './render-tools.js';

/** Allergies and intolerances, newest first. */
export function renderAllergies(rows: AllergyRows, tools: RenderTools): { resources: Resource[]; skipped: number } {
  const { shown, skipped } = counted(
    newestFirst(rows.allergies, (row) => row.begdate ?? row.date).map((row) => renderAllergy(row, tools)),
  );
  return { resources: [...shown, ...tools.people.resources()], skipped };
}

function renderAllergy(row: AllergyRow, tools: RenderTools): Resource | undefined {
  const code = entryCode(row);
  if (code === undefined) {
    return undefined;
  }
  return resource({
    resourceType: 'AllergyIntolerance',
    id: tools.ids.id('lists', row.id),
    meta: profileMeta('us-core-allergyintolerance'),
    // FHIR lets an entry made in error have no clinical status.
    clinicalStatus: row.verification === 'entered-in-error' ? undefined : clinicalStatus(row, tools),
    verificationStatus: verificationStatus(row, tools),
    // OpenEMR does not keep what kind of substance it is; a code for drugs says it.
    category: [code.coding?.some(({ system }) => system === SYSTEMS.rxnorm) === true ? 'medication' : undefined],
    criticality: SEVERITIES.get(row.severity_al)?.criticality,
    code,
    patient: tools.ids.patient(tools.pid),
    onsetDateTime: tools.time.dateOrDateTime(row.begdate),
    recordedDate: tools.time.dateTime(row.date),
    recorder: tools.people.practitionerNamed(row.user),
    note: [row.comments === '' ? undefined : { text: row.comments }],
    reaction: [reaction(row, tools)],
  });
}

function clinicalStatus(row: AllergyRow, tools: RenderTools): CodeableConcept {
  const ended = row.activity === 0 || hasEnded(tools.time.date(row.enddate), tools.readOn);
  const [code, display] = ended
    ? row.outcome === RESOLVED
      ? ['resolved', 'Resolved']
      : ['inactive', 'Inactive']
    : ['active', 'Active'];
  const system = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical';
  return { coding: [{ system, code, display }] };
}

const VERIFICATIONS = ['unconfirmed', 'confirmed', 'refuted', 'entered-in-error'];

/** OpenEMR's options are FHIR's codes; one that a practice made up is text. Nothing said is nothing claimed. */
function verificationStatus({ verification }: AllergyRow, { options }: RenderTools): CodeableConcept | undefined {
  const display = options.title('allergyintolerance-verification', verification);
  const system = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification';
  return VERIFICATIONS.includes(verification)
    ? { coding: [{ system, code: verification, display }] }
    : { text: display };
}

interface Severity {
  severity: 'mild' | 'moderate' | 'severe';
  criticality: 'low' | 'high';
}

/** OpenEMR's severities in FHIR's fewer words; of a range the worse end. The reaction's description keeps OpenEMR's own. */
const SEVERITIES: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ['mild', { severity: 'mild', criticality: 'low' }],
  ['mild_to_moderate', { severity: 'moderate', criticality: 'low' }],
  ['moderate', { severity: 'moderate', criticality: 'low' }],
  ['moderate_to_severe', { severity: 'severe', criticality: 'high' }],
  ['severe', { severity: 'severe', criticality: 'high' }],
  ['life_threatening_severity', { severity: 'severe', criticality: 'high' }],
  ['fatal', { severity: 'severe', criticality: 'high' }],
]);

/** OpenEMR's option for "nobody said". */
const UNASSIGNED = 'unassigned';

/** A severity without a reaction is kept: FHIR asks for a manifestation, so that one says that it is not known. */
function reaction(row: AllergyRow, { options }: RenderTools): unknown {
  const manifestation = row.reaction === UNASSIGNED ? undefined : options.concept('reaction', row.reaction);
  const description = row.severity_al === UNASSIGNED ? '' : options.title('severity_ccda', row.severity_al);
  if (manifestation === undefined && description === '') {
    return undefined;
  }
  const unknown = {
    coding: [{ system: SYSTEMS.dataAbsentReason, code: 'unknown', display: 'Unknown' }],
    text: 'Reaction not recorded',
  };
  return {
    manifestation: [manifestation ?? unknown],
    description,
    severity: SEVERITIES.get(row.severity_al)?.severity,
  };
}
