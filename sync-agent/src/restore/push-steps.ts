import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { LIMITS } from 'sync-contract/limits';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { currentEra } from '../ledger/current-era.js';
import { RestoreStep, type RestoreStepName } from '../ledger/restore.entities.js';

export interface StepsToPush {
  gateway: Pick<GatewayClient, 'reoffer' | 'sendStreams'>;
  ledger: DataSource;
}

const Streams = z.array(
  z.object({
    stream: z.string(),
    accountRef: z.string(),
    patientRef: z.string().nullable(),
    nextSeq: z.coerce.number(),
  }),
);
const NOTHING = '0'.repeat(32);
/** What is set aside so far above the stream's next number was never numbered by portal-api. */
const PLAUSIBLE_GAP = 1_000;

/**
 * Does with the gateway what a restore left to do. A step is struck off after the gateway's answer, so what dies in
 * between is done again, which changes nothing there. @returns steps done. @throws Transient, Permanent
 */
export async function pushSteps({ gateway, ledger }: StepsToPush): Promise<RestoreStepName[]> {
  const left = new Set((await ledger.manager.find(RestoreStep)).map(({ step }) => step));
  const done: RestoreStepName[] = [];
  if (left.has('streams')) {
    await pushStreams(gateway, ledger);
    await strikeOff(ledger, 'streams');
    done.push('streams');
  }
  if (left.has('reoffer')) {
    const { era } = await currentEra(ledger.manager);
    await gateway.reoffer({ era });
    crashPoint('after-push:reoffer');
    await strikeOff(ledger, 'reoffer');
    done.push('reoffer');
  }
  return done;
}

async function strikeOff(ledger: DataSource, step: RestoreStepName): Promise<void> {
  crashPoint('before-commit:restore-step');
  await ledger.manager.delete(RestoreStep, { step });
  crashPoint('after-commit:restore-step');
}

/** The next number of a stream is above all that the ledger has collected of it, delivered or not. */
async function pushStreams(gateway: StepsToPush['gateway'], ledger: DataSource): Promise<void> {
  for (let after = NOTHING, last = false; !last;) {
    const rows: unknown = await ledger.query(
      `SELECT LOWER(HEX(t.stream)) AS stream, LOWER(HEX(t.patient_ref)) AS patientRef,
              LOWER(HEX(MIN(s.account_ref))) AS accountRef, GREATEST(t.next_seq, COALESCE(
                MAX(CASE WHEN s.state <> 'QUARANTINED' OR s.stream_seq <= t.next_seq + ? THEN s.stream_seq END), 0) + 1
              ) AS nextSeq
         FROM stream t JOIN submission s ON s.stream = t.stream
        WHERE t.stream > UNHEX(?) AND t.kind <> 'unknown' GROUP BY t.stream, t.patient_ref, t.next_seq ORDER BY t.stream LIMIT ?`,
      [PLAUSIBLE_GAP, after, LIMITS.streams],
    );
    const streams = Streams.parse(rows);
    last = streams.length < LIMITS.streams;
    await gateway.sendStreams({ streams, last });
    crashPoint('after-push:streams');
    after = streams.at(-1)?.stream ?? after;
  }
}
