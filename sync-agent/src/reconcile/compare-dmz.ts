import type { DataSource } from 'typeorm';
import type { GrantHolding } from 'sync-contract/gateway-wire';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { ComparedClasses } from './class-figures.js';
import { compareBlobs } from './compare-blobs.js';
import { compareChart } from './compare-chart.js';
import { Tally } from './difference.js';
import { lastOf } from './holdings-page.js';
import { NOTED_AT_ONCE, placeOf, type Differing } from './note-differences.js';
import { oweGrants, oweSections, type OwedChart } from './owe-again.js';
import { knownCharts, readAttempts, readExpected, readExpectedGrants } from './read-ledger.js';
import { Superfluous, type Suspects } from './superfluous.js';

export interface ReconciledWith {
  ledger: DataSource;
  gateway: Pick<
    GatewayClient,
    'offerStatements' | 'readHoldings' | 'readGrantHoldings' | 'readBlobHoldings' | 'sendRevocations' | 'sendBlobDrop'
  >;
  /** what the comparison before found superfluous */
  suspects: Suspects;
  /** told of a chart that is owed again, after that is durable */
  onOwed: (patientRef: string) => void;
}

/** Of a comparison with the DMZ: also where it differs, and what both sides held. */
export class DmzTally extends Tally {
  readonly classes = new ComparedClasses();
  private readonly places = new Map<string, Differing>();
  /** charts of which something could not be compared just now */
  readonly passedOver = new Set<string>();
  /** false: the gateway is of before that call, and nothing is known of documents' bytes */
  documentsCompared = true;
  /** blobs that did not open for somebody, by the gateway's word */
  doubted: readonly string[] = [];

  /** each chart, class and kind once, as many as are noted at once */
  get differing(): Differing[] {
    return [...this.places.values()];
  }

  find(differing: Differing): void {
    this.count(differing.difference);
    if (this.places.size < NOTED_AT_ONCE) {
      this.places.set(placeOf(differing), differing);
    }
  }
}

/**
 * Compares every acknowledged chart, grant and document with what the DMZ says it holds, by hashes that it computes from
 * the stored bytes; of documents by rows and numbers, their bytes are `hashBlobsInTurn`'s. What differs is owed again, and
 * goes the way that every change goes; what has no place inside is removed there when two comparisons in a row find it.
 * Nothing that the DMZ says changes a number or deletes anything inside: a hostile one can have everything sent again once
 * in each run.
 * @throws Transient, Permanent, HoldingsOutOfOrder
 */
export async function compareWithDmz(reconciled: ReconciledWith, signal: AbortSignal): Promise<DmzTally> {
  const began = new Date();
  const tally = new DmzTally();
  await reconciled.gateway.offerStatements();
  const superfluous = new Superfluous();
  await compareCharts(reconciled, tally, superfluous, signal);
  await compareGrants(reconciled, tally, superfluous, began, signal);
  await compareBlobs(reconciled, tally, superfluous, signal);
  await superfluous.remove(reconciled);
  return tally;
}

async function compareCharts(
  { ledger, gateway, onOwed }: ReconciledWith,
  tally: DmzTally,
  superfluous: Superfluous,
  signal: AbortSignal,
): Promise<void> {
  const attempts = await readAttempts(ledger.manager);
  for (let after: string | null = null, more = true; more;) {
    signal.throwIfAborted();
    const page = await gateway.readHoldings({ after });
    const last = lastOf(
      page.charts.map(({ patientRef }) => patientRef),
      after,
      page.more,
    );
    const held = new Map(page.charts.map((chart) => [chart.patientRef, chart]));
    const owed: OwedChart[] = [];
    for (const chart of await readExpected(ledger.manager, after, last)) {
      const { patientRef, seq, attemptedSeq, waits, pid } = chart;
      const holding = held.get(patientRef);
      held.delete(patientRef);
      if (waits || attemptedSeq !== seq || attempts.get(patientRef) !== attemptedSeq) {
        tally.skipped += 1;
        tally.passedOver.add(patientRef);
        continue;
      }
      const comparison = compareChart(chart, holding);
      tally.charts += 1;
      tally.sections += chart.sections.length;
      tally.classes.add(patientRef, chart.sections, holding);
      for (const found of comparison.differences) {
        tally.find({ patientRef, ...found });
      }
      if (comparison.owed.length > 0) {
        owed.push({ pid, patientRef, owed: comparison.owed });
      }
    }
    await oweSections(ledger, owed);
    owed.forEach(({ patientRef }) => {
      onOwed(patientRef);
    });
    const known = await knownCharts(ledger.manager, [...held.keys()]);
    const strangers = [...held.values()].filter(({ patientRef }) => !known.has(patientRef));
    for (const { patientRef, sections } of strangers) {
      tally.find({ patientRef, recordClass: null, difference: 'chart-superfluous' });
      tally.classes.addUnplaced(sections.length);
    }
    superfluous.addCharts(strangers.map(({ patientRef }) => patientRef));
    ({ more } = page);
    after = last;
  }
}

async function compareGrants(
  { ledger, gateway }: ReconciledWith,
  tally: DmzTally,
  superfluous: Superfluous,
  began: Date,
  signal: AbortSignal,
): Promise<void> {
  for (let after: string | null = null, more = true; more;) {
    signal.throwIfAborted();
    const page = await gateway.readGrantHoldings({ after });
    const last = lastOf(
      page.grants.map(({ grantId }) => grantId),
      after,
      page.more,
    );
    const held = new Map(page.grants.map((grant) => [grant.grantId, grant]));
    const owed: string[] = [];
    for (const [grantId, { row, pushedAt }] of await readExpectedGrants(ledger.manager, after, last)) {
      const holding = held.get(grantId);
      held.delete(grantId);
      const { patientRef } = row;
      // One that was sent since this began may not have been there when the gateway looked.
      if (pushedAt === null || pushedAt >= began) {
        tally.passedOver.add(patientRef);
      } else if (holding === undefined || !isSame(holding, row)) {
        const difference = holding === undefined ? 'grant-missing' : 'grant-changed';
        tally.find({ patientRef, recordClass: null, difference });
        owed.push(grantId);
      }
    }
    await oweGrants(ledger, owed);
    for (const { patientRef } of held.values()) {
      tally.find({ patientRef, recordClass: null, difference: 'grant-superfluous' });
    }
    superfluous.addGrants([...held.keys()]);
    ({ more } = page);
    after = last;
  }
}

function isSame(held: GrantHolding, row: GrantHolding): boolean {
  return (
    held.text === row.text &&
    held.accountRef === row.accountRef &&
    held.patientRef === row.patientRef &&
    held.epoch === row.epoch &&
    held.startsAt === row.startsAt &&
    held.endsAt === row.endsAt
  );
}
