/** A habit as OpenEMR's history form keeps it: `note|status|date|option|packs` in one column. */
export interface Habit {
  note: string;
  /** `current`, `quit`, `never`, `not_applicable`; '' when not said, another word as it was stored */
  status: string;
  /** since when, or when it was given up */
  date: string;
  /** tobacco: option of list `smoking_status` */
  option: string;
  /** tobacco: pack-years */
  packs: string;
}

/** The form writes the name of its field behind the status, with or without `_` between: `quittobacco`, `never_alcohol`. */
const STATUS = /^(current|quit|never|not_applicable)(?:_?[a-z_]+)?$/i;

export function parseHabit(stored: string): Habit {
  const [note = '', status = '', date = '', option = '', packs = ''] = stored.split('|').map((part) => part.trim());
  return { note, status: STATUS.exec(status)?.[1]?.toLowerCase() ?? status, date, option, packs };
}
