import type { SendCcdRequest } from 'portal-api/http';
import { isObject, list, object, string } from './fhir.js';

const LOINC = 'http://loinc.org';
const SUMMARY_OF_EPISODES = '34133-9';
/** IHE and HL7 format codes of C-CDA documents, whatever their release. */
const CCDA_FORMAT = /^urn:hl7-org:sdwg:ccda-/;

/**
 * Of the C-CDA that the practice's system made, or makes, for this chart the days it was asked for; null of every other
 * document. What staff have filed under the same LOINC code does not name the format.
 */
export function ccdRange(resource: unknown): SendCcdRequest | null {
  const isSummary = list(object(resource, 'type'), 'coding').some(
    (coding) => string(coding, 'system') === LOINC && string(coding, 'code') === SUMMARY_OF_EPISODES,
  );
  const isCcda = list(resource, 'content').some((content) =>
    CCDA_FORMAT.test(string(object(content, 'format'), 'code') ?? ''),
  );
  if (!isSummary || !isCcda) {
    return null;
  }
  const period = object(object(resource, 'context'), 'period');
  return { from: string(period, 'start') ?? null, to: string(period, 'end') ?? null };
}

export type CcdOffer = 'offered' | 'held-back';

/** What the section `documents` says of C-CDAs; null when the practice does not offer any. */
export function ccdOffer(content: unknown): CcdOffer | null {
  const offer = isObject(content) ? content['ccd'] : undefined;
  return offer === 'offered' || offer === 'held-back' ? offer : null;
}

export const sameDays = (one: SendCcdRequest, other: SendCcdRequest): boolean =>
  one.from === other.from && one.to === other.to;
