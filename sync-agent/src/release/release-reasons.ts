/**
 * Why something may be kept from a patient's access: provisions of 45 CFR part 171 under which it is no information
 * blocking. Which of them holds is the practice's to decide; a reason of the patient's own is 171.202(e).
 */
export const RELEASE_REASONS = {
  '171.201(c)(1)': 'risk to life or physical safety, decided for this patient by a licensed professional',
  '171.201(c)(2)': 'data misidentified, mismatched, corrupt or erroneous',
  '171.202(b)': 'privacy: a precondition of law is not met',
  '171.202(d)': 'privacy: access may be denied under 45 CFR 164.524(a)(1) or (2)',
  '171.202(e)': "privacy: the individual's own request",
  '171.203': 'security',
  '171.204': 'infeasibility',
  '171.205': 'health IT performance',
  '171.206': 'protecting care access',
} as const;

export type ReleaseReason = keyof typeof RELEASE_REASONS;

/** Decided for one patient; a rule for everybody cannot claim it. */
export const INDIVIDUAL_REASON: ReleaseReason = '171.201(c)(1)';
/** Of a recall, unless another is given. */
export const RECALL_REASON: ReleaseReason = '171.201(c)(2)';

export function isReleaseReason(text: string): text is ReleaseReason {
  return Object.hasOwn(RELEASE_REASONS, text);
}
