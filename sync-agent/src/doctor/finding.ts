import { FINDING_CODES, type FindingCode, type Severity } from './finding-codes.js';

/** One thing that is not as it should be. Neither sentence nor remedy holds a value of a patient or a secret. */
export interface Finding {
  code: FindingCode;
  severity: Severity;
  /** what is, without a full stop */
  sentence: string;
  /** what a person does about it */
  remedy: string;
}

/** What one group of checks came to. */
export interface Outcome {
  findings: Finding[];
  /** what could not be looked at and why: `<what>, because <why>` */
  notChecked?: string[];
  /** what is worth saying and nothing to do about */
  notes?: string[];
}

export function finding(code: FindingCode, sentence: string, remedy: string): Finding {
  return { code, severity: FINDING_CODES[code], sentence, remedy };
}

export function together(outcomes: readonly Outcome[]): Required<Outcome> {
  return {
    findings: outcomes.flatMap(({ findings }) => findings),
    notChecked: [...new Set(outcomes.flatMap(({ notChecked }) => notChecked ?? []))],
    notes: [...new Set(outcomes.flatMap(({ notes }) => notes ?? []))],
  };
}
