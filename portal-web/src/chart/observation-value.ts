import { boolean, conceptText, number, object, quantityText, string } from './fhir.js';
import type { Json } from './fhir.js';

/** The value of an Observation or of an answer in words, whichever of FHIR's types it has; undefined without one. */
export function valueWords(
  owner: Json,
  formatNumber: (value: number) => string,
  yesNo: (value: boolean) => string,
): string | undefined {
  const quantity = object(owner, 'valueQuantity');
  const plain = number(owner, 'valueInteger') ?? number(owner, 'valueDecimal');
  const truth = boolean(owner, 'valueBoolean');
  const coding = object(owner, 'valueCoding');
  return (
    // The unit `1` and annotations in braces count something and are no words.
    quantityText(quantity, formatNumber)?.replace(/ (1|\{[^}]*\})$/, '') ??
    conceptText(object(owner, 'valueCodeableConcept')) ??
    string(owner, 'valueString') ??
    string(coding, 'display') ??
    string(coding, 'code') ??
    (plain === undefined ? undefined : formatNumber(plain)) ??
    (truth === undefined ? undefined : yesNo(truth)) ??
    string(owner, 'valueDateTime') ??
    string(owner, 'valueDate')
  );
}
