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
  constructor(step: string, answer: PortalAnswer) {
    const { code } = answer.body;
    super(`${step}: portal-api answered ${String(answer.status)} ${typeof code === 'string' ? code : ''}`);
  }
}

/**
 * A patient's browser without the pages: cookies, CSRF token and the headers portal-web sends. Used where drills and
 * benches need many patients or must keep their own journal; what a person sees is tested in Chromium.
 */
export class PortalClient {
  private readonly cookies = new Map<string, string>();
  private csrf: string | undefined;
  private readonly dispatcher = new Agent({ connections: 4, keepAliveTimeout: 1_000 });

  constructor(readonly origin: string) {}

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
    const setup = await this.post('/api/join/totp', { name });
    this.expect('authenticator set-up', setup, 200);
    const totpSecret = String(setup.body['secret']);
    const joined = await this.post('/api/join', {
      code: inviteCode,
      name,
      password,
      dateOfBirth,
      totp: { setup: setup.body['setup'], code: generateSync({ secret: totpSecret }) },
    });
    this.expect('join', joined, 201);
    this.csrf = String(joined.body['csrf']);
    return { name, password, totpSecret };
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

function parse(text: string): Record<string, unknown> {
  if (text === '') {
    return {};
  }
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
