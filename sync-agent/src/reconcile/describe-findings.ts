import type { Findings } from './complaints.js';
import type { DailyStatement } from './daily-statement.js';
import type { KeptStatement, LastComparison } from './read-statements.js';

/** Differences printed of a statement; JSON has all. */
const PRINTED = 20;
const NO_DOCUMENTS = "; documents' bytes NOT COMPARED, the gateway is older than the agent";

/** For a terminal, a line each. */
export function describeFindings(
  { withDmz, withOpenEmr, statements }: Findings,
  complaints: readonly string[],
): string {
  const lines = [
    `with the DMZ: ${described(withDmz)}`,
    `with OpenEMR, everything read again: ${described(withOpenEmr)}`,
    ...describeClasses(statements[0]),
    ...statements.flatMap(describeStatement),
    ...complaints.map((complaint) => `needs a person: ${complaint}`),
  ];
  return `${lines.join('\n')}\n`;
}

function described(last: LastComparison | null): string {
  if (last === null) {
    return 'not compared yet';
  }
  const { at, differences, documentsCompared } = last;
  return `${String(differences)} differences at ${at}${documentsCompared ? '' : NO_DOCUMENTS}`;
}

/** Both sides of the newest statement, by class. */
function describeClasses(newest: KeptStatement | undefined): string[] {
  const compared = newest !== undefined && 'compared' in newest.statement ? newest.statement.compared : null;
  return (compared?.classes ?? []).map(({ recordClass, inside, dmz }) => {
    const sides =
      inside.root === dmz.root
        ? `${String(inside.sections)} sections on both sides, root ${short(inside.root)}`
        : `${String(inside.sections)} sections inside, root ${short(inside.root)}; ${String(dmz.sections)} in the DMZ, root ${short(dmz.root)}`;
    return `  ${recordClass}: ${sides}`;
  });
}

function describeStatement({ statement, signOffs }: KeptStatement): string[] {
  const { day, charts, sections, root, withDmz: dmz, withOpenEmr: openemr } = statement;
  return [
    `${day}  ${String(charts)} charts, ${String(sections)} sections, root ${short(root)}; with the DMZ ` +
      `${String(dmz.comparisons)} comparisons, ${String(dmz.differences)} differences, ${String(dmz.left)} left; ` +
      `with OpenEMR ${String(openemr.differences)} differences in ${String(openemr.charts)} charts` +
      ('compared' in statement && statement.compared?.documentsCompared === false ? NO_DOCUMENTS : '') +
      (signOffs.length === 0 ? '; not signed off' : ''),
    ...('differing' in statement ? describeDiffering(statement) : []),
    ...signOffs.map(({ signOff: { by, at, note } }) => `  signed off by ${by} at ${at}: ${note}`),
  ];
}

function describeDiffering({ differing, more }: DailyStatement): string[] {
  const left = differing.length - PRINTED + more;
  return [
    ...differing
      .slice(0, PRINTED)
      .map(
        ({ patientRef, recordClass, difference, foundAt, healedAt }) =>
          `  ${difference}: chart ${patientRef}${recordClass === null ? '' : `, ${recordClass}`}, found ${foundAt}, ` +
          (healedAt === null ? 'NOT HEALED' : `healed ${healedAt}`),
      ),
    ...(left > 0 ? [`  and ${String(left)} more`] : []),
  ];
}

function short(root: string): string {
  return `${root.slice(0, 16)}…`;
}
