import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { contentHash } from 'sync-contract/section';
import { System } from '../demo/system.js';
import { until } from '../demo/until.js';
import { changeDemographics } from '../openemr-sim/clinic-patients.js';
import { newResult } from '../openemr-sim/clinic-labs.js';
import { freePort, freeServicePorts } from '../services/ports.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { Newcomer } from './crash-newcomer.js';
import { fileLongDocument, readDocument, trueDocuments } from './tamper-documents.js';

const { ledger: LEDGER, portal: PORTAL } = DEFAULT_DATABASES;

/** Pause between two comparisons here, seconds; an installation compares every 900. */
export const COMPARED_EVERY = 10;
/** Longest time until everything must be right again, milliseconds. */
const HEALING_LIMIT = 180_000;
const PAUSE = 200;
const FOLLOWED_EVERY = 100;
const NOTHING_SEEN = {
  right: 0,
  documentsRight: 0,
  documentsRefused: 0,
  refused: 0,
  stale: 0,
  forged: 0,
  denied: 0,
  underWay: 0,
  tooCurrent: 0,
};
const AT_ONCE = 4;

/** A patient who is signed in and reads every section and every document. */
interface Reader {
  pid: number;
  patientRef: string;
  newcomer: Newcomer;
  sections: string[];
  /** SHA-256 of the content of each */
  documents: ReadonlyMap<string, string>;
}

/** What patients were shown in one look at everything. */
export interface Look {
  /** equal to what the inside rendered last, or of documents to what it fetched */
  right: number;
  /** not served, or of documents not to the end */
  refused: number;
  /** parts of these two */
  documentsRight: number;
  documentsRefused: number;
  /** served, and equal to something that the inside rendered before */
  stale: number;
  /** served, and equal to nothing that the inside ever rendered */
  forged: number;
  /** said to be no part of the chart */
  denied: number;
  /** served, and rendered by the inside while it works, as the list of documents before their bytes have come again */
  underWay: number;
  /** served with a later "up to date as of" than the inside has sworn to */
  tooCurrent: number;
  /** the latest "up to date as of" of all that was served */
  asOf: string;
  /** how often which answer was given instead of a section or document */
  answers: Record<string, number>;
}

export function isClean({ stale, forged, denied, tooCurrent }: Look): boolean {
  return stale + forged + denied + tooCurrent === 0;
}

const Rendered = z.array(z.object({ patientRef: z.string(), name: z.string(), hash: z.string() }));
const Saved = z.object({ submissionId: z.string() });
const Settled = z.tuple([z.object({ unseen: z.coerce.number(), waiting: z.coerce.number() })]);
const Now = z.tuple([z.object({ now: z.string() })]);

/** A practice in its own data folder, with patients who stay signed in. */
export class TamperPractice {
  private readonly readers: Reader[] = [];
  /** of each section what the inside rendered last */
  private truth = new Map<string, string>();
  /** everything that the inside ever rendered */
  private readonly history = new Set<string>();
  /** what it has rendered since the truth was taken, or since it came back */
  private readonly meanwhile = new Set<string>();
  /** nobody may be told that anything is newer; null while the agent runs */
  private swornUpTo: string | null = null;

  private constructor(
    readonly system: System,
    private readonly dataDir: string,
  ) {}

  static async open(patients: number): Promise<TamperPractice> {
    const dataDir = mkdtempSync(join(tmpdir(), 'odp-tamper-'));
    chmodSync(dataDir, 0o711);
    try {
      const system = await System.start({
        dataDir,
        portalPort: await freePort(),
        gatewayPort: await freePort(),
        servicePorts: await freeServicePorts(),
        patients,
        log: () => undefined,
      });
      const practice = new TamperPractice(system, dataDir);
      try {
        await practice.everybodyJoins();
        await practice.settled();
        await practice.noteDocuments();
      } catch (error: unknown) {
        await practice.close();
        throw error;
      }
      return practice;
    } catch (error: unknown) {
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  get sections(): number {
    return this.truth.size;
  }

  get documents(): number {
    return this.readers.reduce((sum, { documents }) => sum + documents.size, 0);
  }

  get patients(): readonly { pid: number; patientRef: string; newcomer: Newcomer }[] {
    return this.readers;
  }

  private async everybodyJoins(): Promise<void> {
    for (const patient of this.system.patients) {
      const newcomer = await Newcomer.join(this.system, patient);
      const patientRef = await newcomer.chart();
      const message = { threadId: null, topic: 'General', subject: 'A question', body: `Of patient ${patientRef}` };
      await newcomer.client.sendMessage(patientRef, message);
      await fileLongDocument(this.system, patient.pid);
      this.readers.push({ pid: patient.pid, patientRef, newcomer, sections: [], documents: new Map() });
    }
  }

  /** From here on nobody changes a document. */
  private async noteDocuments(): Promise<void> {
    for (const reader of this.readers) {
      reader.documents = await trueDocuments(this.system, reader.newcomer.client, reader.patientRef);
    }
  }

  /** The clinic changes something in several sections of these charts, everybody's unless given. */
  async clinicChanges(round: number, pids: readonly number[] = this.readers.map(({ pid }) => pid)): Promise<void> {
    const openemr = await this.system.openemr();
    try {
      for (const pid of pids) {
        await changeDemographics(openemr, { pid, street: `${String(round)} Elm Court` });
        const value = String(80 + round);
        await newResult(openemr, { pid, loinc: '2345-7', name: 'Glucose', value, units: 'mg/dL' });
      }
    } finally {
      await openemr.end();
    }
  }

  /**
   * Waits until the DMZ has everything that is committed now; what is rendered then is the truth from here on. That
   * nothing waits says so only once the change feed has read as far as now.
   */
  async settled(): Promise<void> {
    const { inside, dmz } = this.system.services;
    const [{ now }] = Now.parse(
      await inside.adminSql("SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%d %H:%i:%s.%f') AS now"),
    );
    // As the agent does every few seconds.
    await inside.adminSql('UPDATE ??.clock_marker SET at = UTC_TIMESTAMP(6)', [LEDGER]);
    await until('the DMZ to have everything', async () => {
      const [{ unseen, waiting }] = Settled.parse(
        await inside.adminSql(
          `SELECT NOT EXISTS (SELECT * FROM ??.marker_seen WHERE at >= ?) AS unseen,
                (SELECT COUNT(*) FROM ??.dirty) + (SELECT COUNT(*) FROM ??.submission WHERE settled_at IS NULL AND kind = 'message')
                + (SELECT COUNT(*) FROM ??.chart WHERE attempted_seq <> seq)
                + (SELECT COUNT(*) FROM ??.account_grant WHERE pushed_at IS NULL)
                + (SELECT COUNT(*) FROM ??.document_blob WHERE state <> 'held') AS waiting`,
          [LEDGER, now, LEDGER, LEDGER, LEDGER, LEDGER, LEDGER],
        ),
      );
      const [copies] = await dmz.adminSql('SELECT COUNT(*) AS n FROM ??.own_copy', [PORTAL]);
      return unseen === 0 && waiting === 0 && Number(copies?.['n']) === 0;
    });
    const rows = await this.rendered();
    this.truth = new Map(rows.map(({ patientRef, name, hash }) => [`${patientRef} ${name}`, hash]));
    for (const [place, hash] of this.truth) {
      this.history.add(`${place} ${hash}`);
    }
    this.meanwhile.clear();
    for (const reader of this.readers) {
      reader.sections = rows.filter(({ patientRef }) => patientRef === reader.patientRef).map(({ name }) => name);
    }
  }

  /** What the inside rendered last and the DMZ has taken. */
  private async rendered(): Promise<z.infer<typeof Rendered>> {
    return Rendered.parse(
      await this.system.services.inside.adminSql(
        `SELECT LOWER(HEX(patient_ref)) AS patientRef, name, LOWER(HEX(content_hash)) AS hash FROM ??.chart_section`,
        [LEDGER],
      ),
    );
  }

  /** Waits for the next heartbeat. @returns its number */
  async nextHeartbeat(): Promise<number> {
    const before = await this.heartbeat();
    await until('the next heartbeat', async () => (await this.heartbeat()) > before);
    return this.heartbeat();
  }

  async heartbeat(): Promise<number> {
    const [row] = await this.system.services.inside.adminSql('SELECT seq FROM ??.heartbeat_state', [LEDGER]);
    return Number(row?.['seq'] ?? 0);
  }

  /** Every patient reads every section and every document. */
  async look(readers: readonly { pid: number }[] = this.readers): Promise<Look> {
    const look = { ...NOTHING_SEEN, asOf: '', answers: {} };
    const asked = new Set(readers.map(({ pid }) => pid));
    const other: string[] = [];
    const waiting = this.readers
      .filter(({ pid }) => asked.has(pid))
      .flatMap((reader) => [
        ...reader.sections.map((name) => () => this.read(look, other, reader, name)),
        ...[...reader.documents].map((document) => () => this.readDocument(look, reader, document)),
      ]);
    const reading = Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          await next();
        }
      }),
    );
    await this.follow(reading);
    for (const content of other) {
      look[this.meanwhile.has(content) ? 'underWay' : this.history.has(content) ? 'stale' : 'forged'] += 1;
    }
    return look;
  }

  /** Notes what the inside renders until all is read. */
  private async follow(reading: Promise<unknown>): Promise<void> {
    if (this.swornUpTo !== null) {
      await reading;
      return;
    }
    const isRead = reading.then(() => true);
    do {
      await this.noteRendered();
    } while (!(await Promise.race([isRead, sleep(FOLLOWED_EVERY, false)])));
    await this.noteRendered();
  }

  private async noteRendered(): Promise<void> {
    for (const { patientRef, name, hash } of await this.rendered()) {
      this.meanwhile.add(`${patientRef} ${name} ${hash}`);
    }
  }

  /** @param other gets what was served and is not what the inside had rendered last */
  private async read(look: Look, other: string[], { patientRef, newcomer }: Reader, name: string): Promise<void> {
    const answer = await newcomer.client.section(patientRef, name);
    if (answer.status !== 200) {
      const said = `${String(answer.status)} ${String(answer.body['code'])}`;
      look.answers[said] = (look.answers[said] ?? 0) + 1;
      look[answer.body['code'] === 'section-not-found' ? 'denied' : 'refused'] += 1;
      return;
    }
    const place = `${patientRef} ${name}`;
    const hash = contentHash(answer.body);
    if (this.truth.get(place) === hash) {
      look.right += 1;
    } else {
      other.push(`${place} ${hash}`);
    }
    const asOf = String(answer.headers['x-as-of'] ?? '');
    look.asOf = asOf > look.asOf ? asOf : look.asOf;
    if (this.swornUpTo !== null && asOf > this.swornUpTo) {
      look.tooCurrent += 1;
    }
  }

  private async readDocument(
    look: Look,
    { patientRef, newcomer }: Reader,
    [documentId, sha256]: readonly [string, string],
  ): Promise<void> {
    const { client } = newcomer;
    let { served, said } = await readDocument(client, patientRef, documentId);
    // Who has no chart is told the same: only beside a list that is served it says that there is no such document.
    const isDenied = async (): Promise<boolean> => {
      const { status } = await client.section(patientRef, 'documents');
      ({ served, said } = await readDocument(client, patientRef, documentId));
      return status === 200 && said === '404 not-found';
    };
    const denied = said === '404 not-found' && (await isDenied());
    if (served !== null) {
      look[served === sha256 ? 'right' : 'forged'] += 1;
      look.documentsRight += served === sha256 ? 1 : 0;
      return;
    }
    const answer = `document: ${said}`;
    look.answers[answer] = (look.answers[answer] ?? 0) + 1;
    look[denied ? 'denied' : 'refused'] += 1;
    look.documentsRefused += denied ? 0 : 1;
  }

  /** From here on nothing comes from the inside, and nothing may look newer than it does now. */
  async insideAway(): Promise<void> {
    await this.system.programs.agent.stop();
    this.swornUpTo = (await this.look()).asOf;
    this.meanwhile.clear();
  }

  async insideBack(): Promise<void> {
    this.swornUpTo = null;
    await this.system.programs.agent.start({ RECONCILE_SECONDS: String(COMPARED_EVERY) });
  }

  /** A message in a thread of its own. */
  async sendMessage(index: number): Promise<{ submissionId: string; stream: string }> {
    const reader = this.readers[index % this.readers.length];
    const message = { threadId: null, topic: 'General', subject: 'Deleted', body: `Number ${String(index)}` };
    const answer = await reader?.newcomer.client.sendMessage(reader.patientRef, message);
    const { submissionId } = Saved.parse(answer?.body);
    const [row] = await this.system.services.dmz.adminSql(
      'SELECT LOWER(HEX(stream)) AS stream FROM ??.outbox WHERE submission_id = UNHEX(?)',
      [PORTAL, submissionId.replaceAll('-', '')],
    );
    return { submissionId, stream: String(row?.['stream']) };
  }

  /** What the agent says is gone from the DMZ, by its own tables: its command ends with an exit code for it. */
  async reportedLost(): Promise<string[]> {
    const rows = await this.system.services.inside.adminSql('SELECT place FROM ??.lost_submission', [LEDGER]);
    return rows.map((row) => String(row['place']));
  }

  /**
   * Waits until everybody reads the truth again. Bytes that the DMZ refuses under their old name come under a new one, and
   * the list says so: of lists of documents the last is the truth, of all else what it was before.
   * @returns milliseconds it took, or null when it never came to that
   */
  async healed(): Promise<{ tookMs: number | null; worst: Look }> {
    const since = Date.now();
    for (;;) {
      for (const { patientRef, name, hash } of await this.rendered()) {
        if (name === 'documents') {
          this.truth.set(`${patientRef} ${name}`, hash);
          this.history.add(`${patientRef} ${name} ${hash}`);
        }
      }
      const look = await this.look();
      if (look.right === this.sections + this.documents) {
        return { tookMs: Date.now() - since, worst: look };
      }
      if (Date.now() - since > HEALING_LIMIT) {
        return { tookMs: null, worst: look };
      }
      await sleep(PAUSE);
    }
  }

  /** What the portal has seen, which tells it what is older, is forgotten. */
  async portalForgets(): Promise<void> {
    const { portalApi } = this.system.programs;
    await portalApi.stop();
    await portalApi.start();
  }

  /** The portal serves what does not verify, until it is started again. */
  async withVerificationOff<T>(use: () => Promise<T>): Promise<T> {
    const { portalApi } = this.system.programs;
    writeFileSync(join(this.system.services.dmz.dir, 'secrets/drill-only'), '');
    await portalApi.stop();
    await portalApi.start({ DRILL_FAULT: 'verification-off' });
    try {
      return await use();
    } finally {
      await this.portalForgets();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.readers.map(({ newcomer }) => newcomer.client.close()));
    await this.system.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
