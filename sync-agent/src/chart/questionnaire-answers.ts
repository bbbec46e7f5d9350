import { z } from 'zod';

const Coding = z.object({ system: z.string().optional(), code: z.string().optional(), display: z.string().optional() });
const Quantity = z.object({ value: z.number(), unit: z.string().optional() });

export interface AnsweredItem {
  linkId?: string | undefined;
  text?: string | undefined;
  answer?: Answer[] | undefined;
  item?: AnsweredItem[] | undefined;
}
type Answer = z.infer<typeof AnswerValue> & { item?: AnsweredItem[] | undefined };

/** The kinds of answer that the questionnaires of clinics have; of others (attachments, references) nothing is taken over. */
const AnswerValue = z.object({
  valueBoolean: z.boolean().optional(),
  valueDecimal: z.number().optional(),
  valueInteger: z.int().optional(),
  valueDate: z.string().optional(),
  valueDateTime: z.string().optional(),
  valueTime: z.string().optional(),
  valueString: z.string().optional(),
  valueCoding: Coding.optional(),
  valueQuantity: Quantity.optional(),
});
const DEEPEST = 6;

const itemsOf = (depth: number): z.ZodType<AnsweredItem[] | undefined> =>
  depth === 0 ? z.unknown().transform(() => undefined) : z.array(itemOf(depth)).optional();
const itemOf = (depth: number): z.ZodType<AnsweredItem> =>
  z.object({
    linkId: z.string().optional(),
    text: z.string().optional(),
    answer: z.array(AnswerValue.extend({ item: itemsOf(depth - 1) })).optional(),
    item: itemsOf(depth - 1),
  });
const Response = z.object({ questionnaire: z.string().optional(), item: z.array(itemOf(DEEPEST)).min(1) });

/**
 * Questions and answers of a stored QuestionnaireResponse, known parts only: the text was written by a form, and what a
 * form put there beside them (names, addresses of servers, markup) does not leave. Undefined when there is nothing to read.
 */
export function answersOf(stored: string): z.infer<typeof Response> | undefined {
  try {
    return Response.safeParse(JSON.parse(stored)).data;
  } catch {
    return undefined;
  }
}
