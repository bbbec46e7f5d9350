import type { Code } from './record-entry.js';

/**
 * Code systems that MedlinePlus Connect explains to patients: their OIDs, and what a code of each looks like, so that nothing
 * else that stands in its place leaves the portal. In the order in which a code is chosen.
 */
const EXPLAINED: readonly (readonly [system: string, oid: string, code: RegExp])[] = [
  ['ICD-10-CM', '2.16.840.1.113883.6.90', /^[A-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?$/],
  ['SNOMED CT', '2.16.840.1.113883.6.96', /^\d{6,18}$/],
  ['ICD-9-CM', '2.16.840.1.113883.6.103', /^(\d{3}|V\d{2}|E\d{3})(\.?\d{1,2})?$/],
  ['RxNorm', '2.16.840.1.113883.6.88', /^\d{1,8}$/],
  ['NDC', '2.16.840.1.113883.6.69', /^(\d{4,5}-\d{3,4}-\d{1,2}|\d{10,11})$/],
  ['LOINC', '2.16.840.1.113883.6.1', /^\d{1,7}-\d$/],
];

/**
 * Address of a page that explains an entry to its patient: HL7's Infobutton request by URL, as MedlinePlus Connect's web
 * application takes it. It carries one code and nothing else: no name, no date, no words of the record.
 * @returns undefined when none of the codes is of a system that is explained there
 */
export function explanationOf(codes: readonly Code[]): string | undefined {
  for (const [system, oid, pattern] of EXPLAINED) {
    const found = codes.find((each) => each.system === system && pattern.test(each.code));
    if (found !== undefined) {
      const address = new URL('https://connect.medlineplus.gov/application');
      address.searchParams.set('mainSearchCriteria.v.cs', oid);
      address.searchParams.set('mainSearchCriteria.v.c', found.code);
      return address.href;
    }
  }
  return undefined;
}
