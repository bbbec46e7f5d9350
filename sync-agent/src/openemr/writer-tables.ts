import { z } from 'zod';

/** The tables of OpenEMR that the writer account reads or writes, qualified: its connection's default is the ledger. */
export interface OpenEmrTables {
  mail: string;
  access: string;
  patients: string;
  users: string;
  globals: string;
}

export function openEmrTables(database: string): OpenEmrTables {
  const name = (table: string): string => `\`${database.replaceAll('`', '``')}\`.\`${table}\``;
  return {
    mail: name('onsite_mail'),
    access: name('patient_access_onsite'),
    patients: name('patient_data'),
    users: name('users'),
    globals: name('globals'),
  };
}

/** What the driver answers to an INSERT. */
export const InsertResult = z.looseObject({ insertId: z.int().positive() });

/**
 * Head of every statement that writes OpenEMR's rows: a value that does not fit is refused, never cut, whatever mode the
 * connection is in. No NO_ZERO_DATE, because real rows hold zero dates.
 */
export const STRICTLY = "SET STATEMENT sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION' FOR";
