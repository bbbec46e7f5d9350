import { z } from 'zod';
import { Id, Text } from './column-types.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** A user of the practice or an entry of its address book. */
export const UserRow = z.object({
  id: Id,
  username: Text,
  title: Text,
  fname: Text,
  mname: Text,
  lname: Text,
  suffix: Text,
  npi: Text,
  organization: Text,
  street: Text,
  streetb: Text,
  city: Text,
  state: Text,
  zip: Text,
  phonew1: Text,
});
export type UserRow = z.infer<typeof UserRow>;

export const FacilityRow = z.object({
  id: Id,
  name: Text,
  phone: Text,
  street: Text,
  city: Text,
  state: Text,
  postal_code: Text,
  country_code: Text,
  facility_npi: Text,
});
export type FacilityRow = z.infer<typeof FacilityRow>;

export const ListOptionRow = z.object({
  list_id: z.string(),
  option_id: z.string(),
  title: Text,
  notes: Text,
  codes: Text,
});
export type ListOptionRow = z.infer<typeof ListOptionRow>;

/** Rows of the practice that the patient's rows point to. */
export interface Lookups {
  users: UserRow[];
  /** the practice itself: the facility that is its primary business entity */
  practice: FacilityRow | null;
  /** the sites that the patient's rows name */
  facilities: FacilityRow[];
  listOptions: ListOptionRow[];
}

/** What the patient's rows point to, collected before one query per table fetches it. */
export class LookupsWanted {
  readonly userIds = new Set<number>();
  readonly usernames = new Set<string>();
  readonly facilityIds = new Set<number>();
  private readonly options = new Map<string, readonly [string, string]>();
  readonly lists = new Set<string>();
  private readonly folded = new Set<string>();

  user(id: number): void {
    if (id > 0) {
      this.userIds.add(id);
    }
  }

  username(name: string): void {
    if (name !== '') {
      this.usernames.add(name);
    }
  }

  facility(id: number): void {
    if (id > 0) {
      this.facilityIds.add(id);
    }
  }

  option(list: string, option: string | number | null): void {
    const id = String(option ?? '');
    if (id !== '') {
      this.options.set(`${list}|${id}`, [list, id]);
      this.folded.add(folded(list, id));
    }
  }

  /** An option, and the others of its list, which tell whether its codes are its own. */
  optionAmongAll(list: string, option: string): void {
    this.option(list, option);
    if (option !== '') {
      this.lists.add(list);
    }
  }

  /** As the tables' collation compares: a row may be stored in other case than it was asked for. */
  hasUsername(name: string): boolean {
    return [...this.usernames].some((asked) => asked.toLowerCase() === name.toLowerCase());
  }

  hasOption(list: string, option: string): boolean {
    return this.lists.has(list) || this.folded.has(folded(list, option));
  }

  get optionKeys(): (readonly [string, string])[] {
    return [...this.options.values()];
  }
}

const folded = (list: string, option: string): string => `${list}|${option}`.toLowerCase().trimEnd();

const USER_COLUMNS =
  'id, username, title, fname, mname, lname, suffix, npi, organization, street, streetb, city, state, zip, phonew1';

const FACILITY_COLUMNS = 'id, name, phone, street, city, state, postal_code, country_code, facility_npi';

/** At most five queries for all that the classes ask for. Options and users that do not exist are not in the answer. */
export async function readLookups(snapshot: Snapshot, wanted: readonly LookupsWanted[]): Promise<Lookups> {
  const users = await readUsers(snapshot, wanted);
  const practice = await snapshot.selectLookups(
    'the practice',
    FacilityRow,
    `SELECT ${FACILITY_COLUMNS} FROM facility WHERE primary_business_entity = 1 ORDER BY id LIMIT 1`,
  );
  const facilityIds = new Set(wanted.flatMap((ofClass) => [...ofClass.facilityIds]));
  const facilities =
    facilityIds.size === 0
      ? []
      : await snapshot.selectLookups(
          'facilities',
          FacilityRow,
          `SELECT ${FACILITY_COLUMNS} FROM facility WHERE id IN (?) ORDER BY id`,
          [[...facilityIds]],
        );
  const keys = new Map(wanted.flatMap(({ optionKeys }) => optionKeys).map((key) => [key.join('|'), key]));
  const listOptions =
    keys.size === 0
      ? []
      : await snapshot.selectLookups(
          'list options',
          ListOptionRow,
          `SELECT list_id, option_id, title, notes, codes FROM list_options
            WHERE (list_id, option_id) IN (?) OR list_id IN (?) ORDER BY list_id, option_id`,
          [[...keys.values()], ['', ...wanted.flatMap(({ lists }) => [...lists])]],
        );
  return { users, practice: practice[0] ?? null, facilities, listOptions };
}

/**
 * The rows behind what one class asked for. What does not exist is a source all the same, because a chart that shows an
 * unknown option as text changes when the option comes into being.
 */
export function lookupSources(wanted: LookupsWanted, { users, practice, listOptions }: Lookups): SourceRow[] {
  const named = users.filter(({ username }) => wanted.hasUsername(username));
  const options = listOptions.filter((row) => wanted.hasOption(row.list_id, row.option_id));
  return [
    ...[...wanted.userIds].map((id) => sourceRow('users', { id })),
    ...named.map((row) => sourceRow('users', row)),
    ...(practice === null ? [] : [sourceRow('facility', practice)]),
    ...[...wanted.facilityIds].map((id) => sourceRow('facility', { id })),
    ...wanted.optionKeys.map(([list_id, option_id]) => sourceRow('list_options', { list_id, option_id })),
    ...options.map((row) => sourceRow('list_options', row)),
  ];
}

/** `users` has no index on the name; it holds the practice's staff and address book, not patients. */
async function readUsers(snapshot: Snapshot, wanted: readonly LookupsWanted[]): Promise<UserRow[]> {
  const ids = new Set(wanted.flatMap(({ userIds }) => [...userIds]));
  const usernames = new Set(wanted.flatMap((ofClass) => [...ofClass.usernames]));
  const byId =
    ids.size === 0
      ? []
      : await snapshot.selectLookups(
          'users',
          UserRow,
          `SELECT ${USER_COLUMNS} FROM users WHERE id IN (?) ORDER BY id`,
          [[...ids]],
        );
  const byName =
    usernames.size === 0
      ? []
      : await snapshot.selectLookups(
          'users by name',
          UserRow,
          `SELECT ${USER_COLUMNS} FROM users WHERE username IN (?) ORDER BY id`,
          [[...usernames]],
        );
  const users = new Map([...byId, ...byName].map((user) => [user.id, user]));
  return [...users.values()].sort((a, b) => a.id - b.id);
}
