import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortalClient, PortalRefused, type Credentials } from '../demo/portal-client.js';
import type { SimulatedPatient } from '../demo/simulator.js';
import type { System } from '../demo/system.js';
import { until } from '../demo/until.js';
import { signInAtLast } from './journal.js';

const PASSWORD = 'granite harbor seven lamps';
const WRONG_DATE = '1900-01-01';
const PATIENCE = 300_000;

/** Somebody who joins while parts of the system die, and does what a patient would until the chart is there. */
export class Newcomer {
  private constructor(
    readonly pid: number,
    readonly client: PortalClient,
    readonly credentials: Credentials,
  ) {}

  /**
   * An invite, then the join page; resolves when portal-api has accepted the account. A join that got no answer is
   * repeated; when the account turns out to be there, its owner signs in.
   */
  static async join(
    system: System,
    { pid, dateOfBirth }: SimulatedPatient,
    options: { wrongDate?: boolean; code?: string } = {},
  ): Promise<Newcomer> {
    const code = options.code ?? (await persist('an invite', () => system.invite(pid))).code;
    const client = new PortalClient(system.entrance);
    const name = `patient${String(pid)}@example.org`;
    const { setup, secret } = await persist('an authenticator', () => client.authenticator(name));
    const newcomer = new Newcomer(pid, client, { name, password: PASSWORD, totpSecret: secret });
    const date = options.wrongDate === true ? WRONG_DATE : dateOfBirth;
    await persist('joining', async () => {
      try {
        await client.joinWith(code, date, newcomer.credentials, setup);
      } catch (error: unknown) {
        if (!(error instanceof PortalRefused) || !['name-taken', 'invite-used'].includes(error.code)) {
          throw error;
        }
        await signInAtLast(client, newcomer.credentials);
      }
    });
    return newcomer;
  }

  /** After the clinic said that the first date is wrong. A retry that got no answer is repeated until it is not asked for. */
  async correctDate(dateOfBirth: string): Promise<void> {
    await until('the clinic to find the date wrong', async () => (await this.outcome()) === 'wrong-date', PATIENCE);
    await persist('another date of birth', async () => {
      const answer = await this.client.post('/api/join/date-of-birth', { dateOfBirth });
      if (answer.status === 401) {
        await signInAtLast(this.client, this.credentials);
      }
      if (answer.status >= 300 && answer.body['code'] !== 'date-of-birth-not-asked') {
        throw new PortalRefused('date of birth', answer);
      }
    });
  }

  /** For OpenEMR's own C-CDA; resolves when portal-api has saved the request. */
  async askForCcd(): Promise<void> {
    const path = `/api/charts/${await this.chart()}/ccd-requests`;
    const key = { 'idempotency-key': randomUUID() };
    await persist('a request for a C-CDA', async () => {
      const answer = await this.client.post(path, { from: null, to: null }, key);
      if (answer.status === 401) {
        await signInAtLast(this.client, this.credentials);
      }
      if (answer.status >= 300) {
        throw new PortalRefused('C-CDA', answer);
      }
    });
  }

  async signInAgain(): Promise<void> {
    await this.client.signOut().catch(() => undefined);
    await signInAtLast(this.client, this.credentials);
  }

  /** Waits for the clinic's confirmation and the chart. @returns the chart's reference */
  async chart(): Promise<string> {
    let patientRef: string | undefined;
    const arrived = async (): Promise<boolean> => {
      try {
        if ((await this.client.get('/api/session')).status === 401) {
          await signInAtLast(this.client, this.credentials);
        }
        patientRef = await this.client.patientRef();
        return patientRef !== undefined && (await this.client.section(patientRef, 'profile')).status === 200;
      } catch {
        return false;
      }
    };
    await until(`the chart of patient ${String(this.pid)}`, arrived, PATIENCE);
    return patientRef ?? '';
  }

  private async outcome(): Promise<string | undefined> {
    const session = await this.client.get('/api/session').catch(() => undefined);
    if (session?.status === 401) {
      await signInAtLast(this.client, this.credentials);
    }
    const enrolment = session?.body['enrolment'];
    return typeof enrolment === 'object' && enrolment !== null && 'outcome' in enrolment
      ? String(enrolment.outcome)
      : undefined;
  }
}

/** Again and again, with the pauses that portal-api asks for; gives up with the last reason when patience is over. */
async function persist<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  for (const limit = Date.now() + PATIENCE; ;) {
    try {
      return await attempt();
    } catch (error: unknown) {
      if (Date.now() > limit) {
        throw new Error(`${what} failed for ${String(PATIENCE / 1_000)} s`, { cause: error });
      }
      await sleep(Math.max(500, error instanceof PortalRefused ? error.retryAfter : 0));
    }
  }
}
