import { HELD_LOSS_SENTENCE, VANISHING_SENTENCE } from '../ledger/stand-still.js';
import type { KeptStatement, LastComparison } from './read-statements.js';

/** What the comparisons have shown, as the ledger keeps it. */
export interface Findings {
  withDmz: LastComparison | null;
  withOpenEmr: LastComparison | null;
  /** losses wait for a person */
  vanishingStopped: boolean;
  /** references of charts that would lose all that is clinical and wait for a person */
  heldCharts: string[];
  /** submissions that vanished from the DMZ and that nobody has confirmed */
  lost: string[];
  /** the newest first */
  statements: KeptStatement[];
}

/** A comparison with the DMZ that is older has been missed, seconds; at least two of its intervals. */
const DMZ_OLD = 3_600;
/** One night is read every 24 hours, and a large practice takes hours for it; seconds. */
const OPENEMR_OLD = 36 * 3_600;

/** What needs a person, a sentence each; none when all is well. @param every seconds between two comparisons with the DMZ */
export function complaintsAbout(findings: Findings, now: Date, every: number): string[] {
  const { withDmz, withOpenEmr, vanishingStopped, heldCharts, lost, statements } = findings;
  return [
    ...aboutComparison('the DMZ', withDmz, now, Math.max(DMZ_OLD, 2 * every)),
    ...aboutComparison('OpenEMR', withOpenEmr, now, OPENEMR_OLD),
    ...(vanishingStopped ? [`stopped: ${VANISHING_SENTENCE}`] : []),
    ...heldCharts.map((patientRef) => `chart ${patientRef} is held: ${HELD_LOSS_SENTENCE}`),
    ...lost.map((place) => `gone from the DMZ before it was collected: ${place}`),
    ...aboutNewest(statements[0], withOpenEmr),
    ...statements.flatMap(aboutStatement),
  ];
}

function aboutComparison(side: string, last: LastComparison | null, now: Date, old: number): string[] {
  if (last === null) {
    return [`never compared with ${side}`];
  }
  return [
    ...(now.getTime() - Date.parse(last.at) > old * 1_000 ? [`not compared with ${side} since ${last.at}`] : []),
    ...(last.differences > 0 ? [`the last comparison with ${side} found ${String(last.differences)} differences`] : []),
  ];
}

/** Who takes away the newest statement leaves no gap behind it; but it was kept together with its comparison, after it. */
function aboutNewest(newest: KeptStatement | undefined, withOpenEmr: LastComparison | null): string[] {
  return withOpenEmr !== null && (newest === undefined || newest.madeAt < withOpenEmr.at)
    ? [`the statement of the night that ended at ${withOpenEmr.at} is gone`]
    : [];
}

function aboutStatement({ statement, hash, genuine, chained, missing, signOffs }: KeptStatement): string[] {
  const { day } = statement;
  const isSignedOff = signOffs.some((each) => each.genuine && each.signOff.statement === hash);
  return [
    ...(genuine ? [] : [`the statement of ${day} is NOT WHAT THE AGENT SIGNED`]),
    ...(chained ? [] : [`the statement of ${day} names another one before it than is kept`]),
    ...(missing === null || isSignedOff
      ? []
      : [
          `no statement of ${missing.from === missing.to ? missing.from : `${missing.from} to ${missing.to}`}; ` +
            `signing off the one of ${day} says that a person knows`,
        ]),
    ...signOffs.flatMap((each) => {
      if (!each.genuine) {
        return [`a sign-off of ${day} is NOT WHAT THE AGENT SIGNED`];
      }
      return each.signOff.statement === hash
        ? []
        : [`a sign-off of ${day} by ${each.signOff.by} is of another statement than is kept`];
    }),
  ];
}
