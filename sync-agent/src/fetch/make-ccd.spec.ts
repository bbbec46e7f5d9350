import { describe, expect, it } from '@jest/globals';
import { isCcd } from './make-ccd.js';

const ROOT = '<ClinicalDocument xmlns="urn:hl7-org:v3"><title/></ClinicalDocument>';

describe('what OpenEMR made', () => {
  it.each([
    ROOT,
    `\uFEFF<?xml version="1.0"?>\n<?xml-stylesheet type="text/xsl" href="CDA.xsl"?>\n<!-- <html> -->\n${ROOT}`,
    '<v3:ClinicalDocument xmlns:v3="urn:hl7-org:v3"/>',
  ])('is a C-CDA: %j', (text) => {
    expect(isCcd(Buffer.from(text))).toBe(true);
  });

  it.each([
    '',
    'Failed to connect to the service',
    '<html><body><ClinicalDocument/></body></html>',
    '<ClinicalDocuments/>',
    `<!DOCTYPE x [<!ENTITY y "z">]>${ROOT}`,
    `<!-- ${ROOT}`,
    `<?xml version="1.0"?>${' '.repeat(4096)}${ROOT}`,
  ])('is none: %j', (text) => {
    expect(isCcd(Buffer.from(text))).toBe(false);
  });
});
