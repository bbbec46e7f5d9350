import { z } from 'zod';

/** The parts of Synthea's R4 transaction bundles that the loader writes into OpenEMR's tables. */

const Coding = z.object({ system: z.string().optional(), code: z.string(), display: z.string().optional() });
const CodeableConcept = z.object({ coding: z.array(Coding).min(1), text: z.string().optional() });
const Reference = z.object({ reference: z.string() });
const Quantity = z.object({ value: z.number(), unit: z.string().default('') });
const Instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const PatientResource = z.object({
  resourceType: z.literal('Patient'),
  id: z.string(),
  extension: z
    .array(
      z.object({
        url: z.string(),
        extension: z.array(z.object({ url: z.string(), valueCoding: Coding.optional() })).optional(),
      }),
    )
    .default([]),
  identifier: z.array(z.object({ type: z.object({ coding: z.array(Coding).min(1) }).optional(), value: z.string() })),
  name: z
    .array(
      z.object({
        use: z.string().optional(),
        family: z.string(),
        given: z.array(z.string()).min(1),
        prefix: z.array(z.string()).optional(),
        suffix: z.array(z.string()).optional(),
      }),
    )
    .min(1),
  telecom: z.array(z.object({ system: z.string(), value: z.string(), use: z.string().optional() })).default([]),
  gender: z.enum(['male', 'female', 'other', 'unknown']),
  birthDate: z.iso.date(),
  deceasedDateTime: Instant.optional(),
  address: z
    .array(
      z.object({
        line: z.array(z.string()).default([]),
        city: z.string().default(''),
        state: z.string().default(''),
        postalCode: z.string().default(''),
        country: z.string().default(''),
      }),
    )
    .default([]),
  maritalStatus: CodeableConcept.optional(),
  communication: z.array(z.object({ language: CodeableConcept })).default([]),
});

const EncounterResource = z.object({
  resourceType: z.literal('Encounter'),
  class: z.object({ code: z.string() }),
  type: z.array(CodeableConcept).min(1),
  period: z.object({ start: Instant, end: Instant.optional() }),
  reasonCode: z.array(CodeableConcept).optional(),
});

const ConditionResource = z.object({
  resourceType: z.literal('Condition'),
  code: CodeableConcept,
  onsetDateTime: Instant,
  abatementDateTime: Instant.optional(),
  recordedDate: Instant,
  encounter: Reference,
});

const AllergyResource = z.object({
  resourceType: z.literal('AllergyIntolerance'),
  clinicalStatus: CodeableConcept,
  code: CodeableConcept,
  recordedDate: Instant,
});

const MedicationRequestResource = z.object({
  resourceType: z.literal('MedicationRequest'),
  status: z.enum(['active', 'stopped', 'completed', 'cancelled']),
  medicationCodeableConcept: CodeableConcept,
  encounter: Reference,
  authoredOn: Instant,
  reasonReference: z.array(Reference).default([]),
  dosageInstruction: z
    .array(
      z.object({
        asNeededBoolean: z.boolean().optional(),
        timing: z
          .object({ repeat: z.object({ frequency: z.number(), period: z.number(), periodUnit: z.string() }) })
          .optional(),
      }),
    )
    .optional(),
});

const ImmunizationResource = z.object({
  resourceType: z.literal('Immunization'),
  vaccineCode: CodeableConcept,
  encounter: Reference,
  occurrenceDateTime: Instant,
});

const ProcedureResource = z.object({
  resourceType: z.literal('Procedure'),
  code: CodeableConcept,
  encounter: Reference,
  performedPeriod: z.object({ start: Instant, end: Instant.optional() }),
});

const ObservationResource = z.object({
  resourceType: z.literal('Observation'),
  category: z.array(z.object({ coding: z.array(Coding).min(1) })).min(1),
  code: CodeableConcept,
  encounter: Reference,
  effectiveDateTime: Instant,
  valueQuantity: Quantity.optional(),
  valueCodeableConcept: CodeableConcept.optional(),
  valueString: z.string().optional(),
  component: z.array(z.object({ code: CodeableConcept, valueQuantity: Quantity.optional() })).optional(),
});

const ReportResource = z.object({
  resourceType: z.literal('DiagnosticReport'),
  code: CodeableConcept,
  encounter: Reference,
  effectiveDateTime: Instant,
  result: z.array(Reference).default([]),
});

const CarePlanResource = z.object({
  resourceType: z.literal('CarePlan'),
  status: z.string(),
  encounter: Reference,
  period: z.object({ start: Instant, end: Instant.optional() }),
  goal: z.array(Reference).default([]),
  addresses: z.array(Reference).default([]),
  activity: z.array(z.object({ detail: z.object({ code: CodeableConcept }) })).default([]),
});

const GoalResource = z.object({ resourceType: z.literal('Goal'), description: z.object({ text: z.string() }) });

const Money = z.object({ value: z.number() });

/** What an insurer made of a visit's claim. The first item is the visit itself; items without a net amount are diagnoses. */
const ExplanationResource = z.object({
  resourceType: z.literal('ExplanationOfBenefit'),
  created: Instant,
  insurer: z.object({ display: z.string() }),
  item: z.array(
    z.object({
      productOrService: CodeableConcept,
      net: Money.optional(),
      encounter: z.array(Reference).default([]),
      adjudication: z.array(z.object({ category: CodeableConcept, amount: Money.optional() })).default([]),
    }),
  ),
  total: z.array(z.object({ amount: Money })),
});

const RESOURCES = [
  PatientResource,
  EncounterResource,
  ConditionResource,
  AllergyResource,
  MedicationRequestResource,
  ImmunizationResource,
  ProcedureResource,
  ObservationResource,
  ReportResource,
  CarePlanResource,
  GoalResource,
  ExplanationResource,
] as const;
const WANTED = new Set<string>(RESOURCES.map((resource) => resource.shape.resourceType.value));
const Resource = z.discriminatedUnion('resourceType', RESOURCES);
const Entry = z.object({ fullUrl: z.string(), resource: z.looseObject({ resourceType: z.string() }) });
const Bundle = z.object({ resourceType: z.literal('Bundle'), type: z.literal('transaction'), entry: z.array(Entry) });

export type SyntheaPatient = z.infer<typeof PatientResource>;
export type SyntheaEncounter = z.infer<typeof EncounterResource>;
export type SyntheaCondition = z.infer<typeof ConditionResource>;
export type SyntheaAllergy = z.infer<typeof AllergyResource>;
export type SyntheaMedicationRequest = z.infer<typeof MedicationRequestResource>;
export type SyntheaImmunization = z.infer<typeof ImmunizationResource>;
export type SyntheaProcedure = z.infer<typeof ProcedureResource>;
export type SyntheaObservation = z.infer<typeof ObservationResource>;
export type SyntheaReport = z.infer<typeof ReportResource>;
export type SyntheaCarePlan = z.infer<typeof CarePlanResource>;
export type SyntheaGoal = z.infer<typeof GoalResource>;
export type SyntheaExplanation = z.infer<typeof ExplanationResource>;

export interface SyntheaChart {
  patient: SyntheaPatient;
  /** By the URL other resources refer to it with; likewise the other maps. */
  encounters: ReadonlyMap<string, SyntheaEncounter>;
  observations: ReadonlyMap<string, SyntheaObservation>;
  conditions: ReadonlyMap<string, SyntheaCondition>;
  allergies: readonly SyntheaAllergy[];
  medicationRequests: readonly SyntheaMedicationRequest[];
  immunizations: readonly SyntheaImmunization[];
  procedures: readonly SyntheaProcedure[];
  reports: readonly SyntheaReport[];
  carePlans: readonly SyntheaCarePlan[];
  goals: ReadonlyMap<string, SyntheaGoal>;
  explanations: readonly SyntheaExplanation[];
}

/** Checks a bundle of one patient; resource types the loader has no use for are passed over unread. */
export function parseBundle(bundle: unknown): SyntheaChart {
  const patients: SyntheaPatient[] = [];
  const encounters = new Map<string, SyntheaEncounter>();
  const observations = new Map<string, SyntheaObservation>();
  const conditions = new Map<string, SyntheaCondition>();
  const allergies: SyntheaAllergy[] = [];
  const medicationRequests: SyntheaMedicationRequest[] = [];
  const immunizations: SyntheaImmunization[] = [];
  const procedures: SyntheaProcedure[] = [];
  const reports: SyntheaReport[] = [];
  const carePlans: SyntheaCarePlan[] = [];
  const goals = new Map<string, SyntheaGoal>();
  const explanations: SyntheaExplanation[] = [];
  for (const entry of Bundle.parse(bundle).entry) {
    if (!WANTED.has(entry.resource.resourceType)) {
      continue;
    }
    const resource = Resource.parse(entry.resource);
    switch (resource.resourceType) {
      case 'Patient':
        patients.push(resource);
        break;
      case 'Encounter':
        encounters.set(entry.fullUrl, resource);
        break;
      case 'Observation':
        observations.set(entry.fullUrl, resource);
        break;
      case 'Condition':
        conditions.set(entry.fullUrl, resource);
        break;
      case 'AllergyIntolerance':
        allergies.push(resource);
        break;
      case 'MedicationRequest':
        medicationRequests.push(resource);
        break;
      case 'Immunization':
        immunizations.push(resource);
        break;
      case 'Procedure':
        procedures.push(resource);
        break;
      case 'DiagnosticReport':
        reports.push(resource);
        break;
      case 'CarePlan':
        carePlans.push(resource);
        break;
      case 'Goal':
        goals.set(entry.fullUrl, resource);
        break;
      case 'ExplanationOfBenefit':
        explanations.push(resource);
        break;
    }
  }
  const [patient] = patients;
  if (patient === undefined || patients.length > 1) {
    throw new Error(`a bundle must hold one Patient, this one holds ${String(patients.length)}`);
  }
  return {
    patient,
    encounters,
    observations,
    conditions,
    allergies,
    medicationRequests,
    immunizations,
    procedures,
    reports,
    carePlans,
    goals,
    explanations,
  };
}

export function firstCode(concept: z.infer<typeof CodeableConcept>): { code: string; text: string } {
  const [coding] = concept.coding;
  return { code: coding?.code ?? '', text: concept.text ?? coding?.display ?? '' };
}
