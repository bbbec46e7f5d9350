export interface DrugForm {
  /** Option id of list `drug_form`. */
  form: number;
  /** Option id of list `drug_route`. */
  route: string;
  /** The strength's number, '' when the name has none. */
  size: string;
  /** Option id of list `drug_units`: 1 is mg, 0 none. */
  unit: number;
}

const FORMS: readonly (readonly [RegExp, number, string])[] = [
  [/transdermal|patch/i, 0, 'transdermal'],
  [/inhal|actuat/i, 12, 'inhale'],
  [/inject|syringe|implant|injector/i, 4, 'intramuscular'],
  [/vaginal|intrauterine/i, 0, 'other'],
  [/cream/i, 10, '3'],
  [/ointment/i, 11, '3'],
  [/suspension/i, 1, 'bymouth'],
  [/solution/i, 4, 'bymouth'],
  [/capsule/i, 3, 'bymouth'],
];
const TABLET = [2, 'bymouth'] as const;

/** Reads form, route and strength off a drug's name, as a prescriber picks them on the form beside it. */
export function describeDrug(name: string): DrugForm {
  const known = FORMS.find(([pattern]) => pattern.test(name));
  const strengths = [...name.matchAll(/([\d.]+)\s*mg\b/gi)];
  // A combination has several strengths and fits the form's one field not at all.
  const size = strengths.length === 1 ? (strengths[0]?.[1] ?? '') : '';
  return {
    form: known?.[1] ?? TABLET[0],
    route: known?.[2] ?? TABLET[1],
    size,
    unit: size === '' ? 0 : 1,
  };
}
