import { failureCode } from '../failure-code.js';
import { isOutOfRoom, NO_ROOM } from '../ledger/out-of-room.js';
import { finding, type Outcome } from './finding.js';

/** Answers of the database that are about rights; the comparison of grants says which is missing. */
const NOT_ALLOWED: ReadonlySet<string> = new Set([
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
]);

/** One check's end is not the others': what it dies of becomes its outcome. @param what for `not checked: <what>, …` */
export async function guarded(what: string, check: () => Promise<Outcome> | Outcome): Promise<Outcome> {
  try {
    return await check();
  } catch (failure: unknown) {
    const code = failureCode(failure);
    if (NOT_ALLOWED.has(code)) {
      return { findings: [], notChecked: [`all of ${what}, because an account lacks a right (${code})`] };
    }
    if (isOutOfRoom(failure)) {
      return {
        findings: [finding('database-full', `the check of ${what} found no room on the database server`, NO_ROOM)],
      };
    }
    const failed = finding(
      'check-failed',
      `the check of ${what} did not come to its end (${code})`,
      'run doctor again, and report it when it stays',
    );
    return { findings: [failed] };
  }
}
