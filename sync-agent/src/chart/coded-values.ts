import { parseChoice } from '../openemr/list-choice.js';
import type { ListOptionRow } from '../openemr/read-lookups.js';
import { SYSTEMS, type CodeableConcept, type Coding } from './fhir.js';

/** OpenEMR's code types as it writes them before the colon, with their FHIR systems. */
const CODE_TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'SNOMED-CT': SYSTEMS.snomed,
    SNOMED: SYSTEMS.snomed,
    ICD10: SYSTEMS.icd10cm,
    ICD9: 'http://hl7.org/fhir/sid/icd-9-cm',
    RXCUI: SYSTEMS.rxnorm,
    RXNORM: SYSTEMS.rxnorm,
    LOINC: SYSTEMS.loinc,
    CPT4: 'http://www.ama-assn.org/go/cpt',
    CVX: 'http://hl7.org/fhir/sid/cvx',
    HCPCS: 'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets',
    NDC: SYSTEMS.ndc,
    'NCI-CONCEPT-ID': SYSTEMS.nci,
    HL7: 'http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender',
    DataAbsentReason: SYSTEMS.dataAbsentReason,
  }),
);

export interface TypedCode {
  /** OpenEMR's word for the system; empty when the text has none */
  type: string;
  coding: Coding;
}

/** `SNOMED-CT:44054006;ICD10:E11.9` → its codes. A code of an unknown type keeps its text and gets no system. */
export function parseCodes(stored: string): TypedCode[] {
  return stored
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const colon = part.indexOf(':');
      const type = colon < 0 ? '' : part.slice(0, colon).trim();
      const system = CODE_TYPES.get(type);
      return system === undefined
        ? { type: '', coding: { code: part } }
        : { type, coding: { system, code: part.slice(colon + 1).trim() } };
    })
    .filter(({ coding }) => coding.code !== '');
}

const LOINC_CODE = /^\d{1,7}-\d$/;

/** A laboratory's code: LOINC when it says so or looks so, else the laboratory's own without a system. */
export function laboratoryCoding(stored: string, display: string): Coding | undefined {
  const code = stored.startsWith('LOINC:') ? stored.slice('LOINC:'.length).trim() : stored;
  if (code === '') {
    return undefined;
  }
  return { system: LOINC_CODE.test(code) ? SYSTEMS.loinc : undefined, code, display };
}

/** OpenEMR's list options by list and id. An option that is not (or no longer) in its list is shown as text. */
export class ListOptions {
  private readonly options: ReadonlyMap<string, ListOptionRow>;

  constructor(rows: readonly ListOptionRow[]) {
    this.options = new Map(rows.map((row) => [optionKey(row.list_id, row.option_id), row]));
  }

  find(list: string, option: string | number): ListOptionRow | undefined {
    return this.options.get(optionKey(list, String(option)));
  }

  /** Title of the option; the stored text when the list does not know it; '' for OpenEMR's "none" (0 or empty). */
  title(list: string, option: string | number): string {
    const text = String(option);
    if (text === '' || text === '0') {
      return '';
    }
    return this.find(list, text)?.title || text;
  }

  /** Codes of the option, each with the option's title, and the title as text. */
  concept(list: string, option: string | number): CodeableConcept | undefined {
    const text = this.title(list, option);
    if (text === '') {
      return undefined;
    }
    const codes = parseCodes(this.find(list, option)?.codes ?? '');
    return { coding: codes.map(({ coding }) => ({ ...coding, display: text })), text };
  }

  /** `concept` without codes that another option of the list has, too: they would say that both mean the same. */
  distinctConcept(list: string, option: string): CodeableConcept | undefined {
    const concept = this.concept(list, option);
    const own = this.find(list, option);
    const others = [...this.options.values()].filter((row) => row.list_id === list && row !== own);
    const shared = new Set(others.flatMap(({ codes }) => parseCodes(codes)).map(({ coding }) => codeKey(coding)));
    return concept && { ...concept, coding: concept.coding?.filter((coding) => !shared.has(codeKey(coding))) ?? [] };
  }
}

const codeKey = ({ system, code }: Coding): string => `${system ?? ''}|${code ?? ''}`;

/** The lists' collation ignores case, OpenEMR's look-ups with it. */
const optionKey = (list: string, option: string): string => `${list}|${option.toLowerCase()}`;

const NULL_FLAVORS: readonly string[] = ['ASKU', 'OTH', 'UNK'];

/** An option with its code, HL7's words for "did not say" in their own system, and what was written beside it. */
export function choiceConcept(list: string, stored: string, options: ListOptions): CodeableConcept | undefined {
  const { option, comment } = parseChoice(stored);
  const title = options.title(list, option);
  if (title === '') {
    return undefined;
  }
  const coding = parseCodes(options.find(list, option)?.codes ?? '').map(({ coding: each }): Coding => {
    const system = NULL_FLAVORS.includes(each.code ?? '') ? SYSTEMS.nullFlavor : each.system;
    return { ...each, system, display: title };
  });
  return { coding, text: comment || title };
}
