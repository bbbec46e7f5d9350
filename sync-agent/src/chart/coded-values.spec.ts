import { describe, expect, it } from '@jest/globals';
import { laboratoryCoding, ListOptions, parseCodes } from './coded-values.js';

describe('codes', () => {
  it('are split and get the system of their type', () => {
    expect(parseCodes('SNOMED-CT:44054006; ICD10:E11.9').map(({ coding }) => coding)).toEqual([
      { system: 'http://snomed.info/sct', code: '44054006' },
      { system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'E11.9' },
    ]);
  });

  it('of an unknown type are kept without a system', () => {
    expect(parseCodes('LOCAL:17')).toEqual([{ type: '', coding: { code: 'LOCAL:17' } }]);
    expect(parseCodes('E11.9')).toEqual([{ type: '', coding: { code: 'E11.9' } }]);
    expect(parseCodes(';;ICD10:;')).toEqual([]);
  });

  it('of a laboratory are LOINC when they say or look so', () => {
    expect(laboratoryCoding('LOINC:57698-3', 'Lipids')).toMatchObject({ system: 'http://loinc.org', code: '57698-3' });
    expect(laboratoryCoding('2339-0', 'Glucose')).toMatchObject({ system: 'http://loinc.org', code: '2339-0' });
    expect(laboratoryCoding('GLU', 'Glucose')).toEqual({ system: undefined, code: 'GLU', display: 'Glucose' });
    expect(laboratoryCoding('', 'Glucose')).toBeUndefined();
  });
});

describe('list options', () => {
  const options = new ListOptions([
    { list_id: 'drug_route', option_id: 'bymouth', title: 'By Mouth', notes: 'PO', codes: 'NCI-CONCEPT-ID:C38288' },
    { list_id: 'drug_form', option_id: '0', title: '', notes: '', codes: '' },
  ]);

  it('that are not in their list are shown as stored', () => {
    expect(options.title('drug_route', 'sublingual')).toBe('sublingual');
    expect(options.concept('drug_route', 'sublingual')).toEqual({ coding: [], text: 'sublingual' });
  });

  it('that mean "none" give nothing', () => {
    expect(options.title('drug_form', 0)).toBe('');
    expect(options.concept('drug_route', '')).toBeUndefined();
  });

  it('are found whatever their case, as in OpenEMR', () => {
    expect(options.title('drug_route', 'ByMouth')).toBe('By Mouth');
  });
});
