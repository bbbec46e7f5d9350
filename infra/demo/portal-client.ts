import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateSync } from 'otplib';
import { Agent, request } from 'undici';

/** Answer of portal-api: its status and JSON body (null when there is none). */
export interface PortalAnswer {
  status: number;
  body: Record<string, unknown>;
  headers: Record<string, string | string[] | undefined>;
}

export interface Credentials {
  name: string;
  password: string;
  /** base 32 */
  totpSecret: string;
}

/** Thrown when portal-api answers a step of sign-in or joining with something else than success. */
export class PortalRefused extends Error {
  readonly status: number;
  /** of the problem, e.g. `name-taken`; empty when the answer has none */
  readonly code: string;
  /** milliseconds that portal-api asks to wait before the next try; 0 when it does not */
  readonly retryAfter: number;

  constructor(step: string, answer: PortalAnswer) {
    const code = typeof answer.body['code'] === 'string' ? answer.body['code'] : '';
    super(`${step}: portal-api answered ${String(answer.status)} ${code}`);
    this.status = answer.status;
    this.code = code;
    this.retryAfter = retryAfter(answer);
  }
}

/** How a patient's browser comes to the portal. */
export interface PortalEntrance {
  origin: string;
  /** a socket behind which the origin's host answers, where it cannot be reached from here */
  door?: string;
  /** PEM of the authority of the origin's certificate, where no public one signed it */
  ca?: string;
}

/**
 * A patient's browser without the pages: cookies, CSRF token and the headers portal-web sends. Used where drills and
 * benches need many patients or must keep their own journal; what a person sees is tested in Chromium.
 */
export class PortalClient {
  readonly origin: string;
  private readonly cookies = new Map<string, string>();
  private csrf: string | undefined;
  private readonly dispatcher: Agent;

  constructor({ origin, door, ca }: PortalEntrance) {
    this.origin = origin;
    const way = { ...(door === undefined ? {} : { socketPath: door }), ...(ca === undefined ? {} : { ca }) };
    this.dispatcher = new Agent({ connections: 4, keepAliveTimeout: 1_000, connect: way });
  }

  /** What the browser would send as `cookie`; drills take it as the thing stolen. */
  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async get(path: string): Promise<PortalAnswer> {
    return this.send('GET', path, undefined, {});
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<PortalAnswer> {
    return this.send('POST', path, body, headers);
  }

  /** Creates an account with an invite code, as the join page does; the chart follows when the clinic has checked. */
  async join(inviteCode: string, dateOfBirth: string, name: string, password: string): Promise<Credentials> {
    const authenticator = await this.authenticator(name);
    const credentials = { name, password, totpSecret: authenticator.secret };
    await this.joinWith(inviteCode, dateOfBirth, credentials, authenticator.setup);
    return credentials;
  }

  /** First step of joining: the authenticator's secret, and what brings it back to portal-api in the second. */
  async authenticator(name: string): Promise<{ setup: string; secret: string }> {
    const answer = await this.post('/api/join/totp', { name });
    this.expect('authenticator set-up', answer, 200);
    return { setup: String(answer.body['setup']), secret: String(answer.body['secret']) };
  }

  /** Second step. May be repeated when no answer came: an account that was made by then refuses with `name-taken`. */
  async joinWith(inviteCode: string, dateOfBirth: string, credentials: Credentials, setup: string): Promise<void> {
    const { name, password, totpSecret } = credentials;
    const joined = await this.post('/api/join', {
      code: inviteCode,
      name,
      password,
      dateOfBirth,
      totp: { setup, code: generateSync({ secret: totpSecret }) },
    });
    this.expect('join', joined, 201);
    this.csrf = String(joined.body['csrf']);
  }

  /** Both steps; waits for the next code when the current one is used up. */
  async signIn({ name, password, totpSecret }: Credentials): Promise<void> {
    this.expect('password', await this.post('/api/sign-in', { name, password }), 200);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const answer = await this.post('/api/sign-in/totp', { code: generateSync({ secret: totpSecret }) });
      if (answer.status === 200) {
        this.csrf = String(answer.body['csrf']);
        return;
      }
      if (attempt === 2) {
        this.expect('authenticator code', answer, 200);
      }
      await nextTotpPeriod();
    }
  }

  async signOut(): Promise<void> {
    await this.post('/api/sign-out', {});
    this.cookies.clear();
    this.csrf = undefined;
  }

  /** The first chart this account may see; undefined until the clinic has confirmed the account. */
  async patientRef(): Promise<string | undefined> {
    const answer = await this.get('/api/session');
    const patients = answer.body['patients'];
    const first: unknown = Array.isArray(patients) ? patients[0] : undefined;
    return typeof first === 'object' && first !== null && 'patientRef' in first ? String(first.patientRef) : undefined;
  }

  /** A document's bytes. */
  async document(patientRef: string, documentId: string): Promise<{ status: number; bytes: Buffer }> {
    const { statusCode, body } = await request(`${this.origin}/api/charts/${patientRef}/documents/${documentId}`, {
      dispatcher: this.dispatcher,
      headers: { 'sec-fetch-site': 'same-origin', cookie: this.cookieHeader },
    });
    return { status: statusCode, bytes: Buffer.from(await body.arrayBuffer()) };
  }

  section(patientRef: string, name: string): Promise<PortalAnswer> {
    return this.get(`/api/charts/${patientRef}/sections/${name}`);
  }

  /** @param idempotencyKey the same key again asks for the same message, never a second one */
  sendMessage(
    patientRef: string,
    message: { threadId: string | null; topic: string; subject: string; body: string },
    idempotencyKey: string = randomUUID(),
  ): Promise<PortalAnswer> {
    return this.post(`/api/charts/${patientRef}/messages`, message, { 'idempotency-key': idempotencyKey });
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async send(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    extra: Record<string, string>,
  ): Promise<PortalAnswer> {
    const answer = await request(this.origin + path, {
      method,
      dispatcher: this.dispatcher,
      headersTimeout: 30_000,
      bodyTimeout: 30_000,
      headers: {
        accept: 'application/json',
        origin: this.origin,
        'sec-fetch-site': 'same-origin',
        'x-requested-with': 'portal',
        'x-user-act': '1',
        ...(this.csrf === undefined ? {} : { 'x-csrf': this.csrf }),
        ...(this.cookies.size === 0 ? {} : { cookie: this.cookieHeader }),
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
        ...extra,
      },
      ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
    });
    this.keepCookies(answer.headers['set-cookie']);
    const text = await answer.body.text();
    return { status: answer.statusCode, body: parse(text), headers: answer.headers };
  }

  private keepCookies(header: string | string[] | undefined): void {
    for (const line of header === undefined ? [] : [header].flat()) {
      const [pair = ''] = line.split(';');
      const cut = pair.indexOf('=');
      const name = pair.slice(0, cut).trim();
      const value = pair.slice(cut + 1).trim();
      if (value === '' || /max-age=0|expires=thu, 01 jan 1970/i.test(line)) {
        this.cookies.delete(name);
      } else {
        this.cookies.set(name, value);
      }
    }
  }

  private expect(step: string, answer: PortalAnswer, status: number): void {
    if (answer.status !== status) {
      throw new PortalRefused(step, answer);
    }
  }
}

const TOTP_PERIOD = 30_000;

/** A code is good once: resolves a second into the next period, when there is a new one. */
export async function nextTotpPeriod(): Promise<void> {
  await sleep(TOTP_PERIOD - (Date.now() % TOTP_PERIOD) + 1_000);
}

/** @returns milliseconds of a `retry-after` in seconds, 0 without one */
export function retryAfter({ headers }: PortalAnswer): number {
  const seconds = Number(headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 0;
}

function parse(text: string): Record<string, unknown> {
  if (text === '') {
    return {};
  }
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
