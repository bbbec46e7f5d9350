import { insertRows } from './insert-rows.js';
import { clinicTime, type LoadContext } from './load-context.js';
import { firstCode, type SyntheaChart } from './synthea-bundle.js';

export const SMOKING_STATUS = '72166-2';
/** SNOMED code of the bundle → what the history form writes for it: its word and the option of list `smoking_status`. */
const TOBACCO: ReadonlyMap<string, string> = new Map([
  ['266919005', '|never_tobacco||4|'],
  ['8517006', '|quittobacco||3|'],
  ['449868002', '|currenttobacco||1|'],
]);

/** The history form as it was saved last: of all it asks, the bundles know whether the person smokes. */
export async function loadHistory(context: LoadContext, observations: SyntheaChart['observations']): Promise<void> {
  const newest = [...observations.values()]
    .filter(({ code }) => firstCode(code).code === SMOKING_STATUS)
    .sort((a, b) => b.effectiveDateTime.getTime() - a.effectiveDateTime.getTime())[0];
  const answer = newest?.valueCodeableConcept;
  const tobacco = answer === undefined ? undefined : TOBACCO.get(firstCode(answer).code);
  if (newest === undefined || tobacco === undefined) {
    return;
  }
  await insertRows(context.connection, 'history_data', [
    {
      pid: context.pid,
      date: clinicTime(context, newest.effectiveDateTime),
      tobacco,
      alcohol: '',
      coffee: '',
      recreational_drugs: '',
      exercise_patterns: '',
      sleep_patterns: '',
      history_mother: '',
      history_father: '',
      additional_history: '',
      created_by: context.doctor.id,
    },
  ]);
}
