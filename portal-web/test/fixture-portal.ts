import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type {
  AccessEntryView,
  OwnCopyView,
  PendingCcdRequestView,
  PendingWishView,
  ProblemCode,
  ReceiptView,
  SendCcdRequest,
  SendMessage,
  SendReleaseWish,
  SessionView,
} from 'portal-api/http';
import { ACCOUNT_REF, fixtureSections, PATIENT_REF, type FixtureSections } from './fixture-chart.js';

/**
 * FIXTURE: plays portal-api for browser tests of the web app. It keeps everything in memory, checks nothing but what the
 * tests are about, and sends the headers that portal-api sends, so that what its policy forbids fails here too.
 */

export const FIXTURE = {
  name: 'rosalind',
  endedName: 'formerly',
  password: 'four random words here',
  totp: '123456',
  invite: 'ABCDE-FGHJK-MNPQR-STVWX-YZ012-34567-89ABC',
  usedInvite: 'USED0-00000-00000-00000-00000-00000-00000',
  expiredInvite: 'EXP1R-ED000-00000-00000-00000-00000-00000',
  birthDate: '1980-04-23',
} as const;

const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types svelte-trusted-html',
  ].join(';'),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Entries of the access history on one page. */
const ACCESSES = 20;

export interface SeenRequest {
  method: string;
  path: string;
  userAct: boolean;
  idempotencyKey: string | null;
  body: unknown;
}

export class FixturePortal {
  sections: FixtureSections = fixtureSections(Date.now());
  seen: SeenRequest[] = [];
  copies: OwnCopyView[] = [];
  wishes: PendingWishView[] = [];
  ccdRequests: PendingCcdRequestView[] = [];
  receipts: ReceiptView[] = [];
  /** content of documents by id */
  files = new Map<string, { name: string; content: string }>();
  /** newest first */
  accesses: AccessEntryView[] = [];
  session: SessionView | null = null;
  currentAsOf: string | null = null;
  /** version of the whole chart; every change counts it up */
  seq = 1;
  freshness: 'current' | 'amber' | 'red' = 'current';
  /** the clinic checks whose chart it is */
  frozen = false;
  idleSeconds = 900;
  /** API requests are cut off without an answer while true */
  down = false;
  /** the next message or request for a C-CDA is saved, but its answer is lost */
  loseNextAnswer = false;
  /** code answered for every section */
  sectionProblem: { status: number; code: ProblemCode } | null = null;
  /** problems answered in place of the answer, by the path after `/api/` */
  refusals = new Map<string, { status: number; code: ProblemCode; errors?: object[]; retryAfter?: number }>();
  /** this section is answered with "busy" */
  busySection: string | null = null;
  /** streams of events are not answered before */
  streamsOpen: Promise<unknown> = Promise.resolve();
  signInsUntilThrottle = Number.POSITIVE_INFINITY;
  firstDateIsWrong = false;

  private readonly versions = new Map<string, number>();
  private readonly keys = new Map<string, { body: string; answer: object }>();
  private readonly streams = new Set<ServerResponse>();
  private readonly server: Server;

  private constructor(private readonly root: string) {
    this.server = createServer((request, response) => {
      void this.answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(root: string): Promise<FixturePortal> {
    const fixture = new FixturePortal(root);
    await new Promise<void>((resolve) => fixture.server.listen(0, '127.0.0.1', resolve));
    return fixture;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endStreams();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get origin(): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://localhost:${String(port)}`;
  }

  signIn(state: SessionView['state'] = 'active'): void {
    this.session = {
      accountRef: ACCOUNT_REF,
      csrf: randomBytes(16).toString('hex'),
      state,
      enrolment: null,
      expiresAt: new Date(Date.now() + 12 * 3_600_000).toISOString(),
      idleSeconds: this.idleSeconds,
      patients: state === 'active' ? [{ patientRef: PATIENT_REF, relation: 'self', scopes: ['message'] }] : [],
    };
  }

  /** The clinic's answer to a join. Of a yes the account comes first, and the grant of its record rings by itself. */
  decide(outcome: 'accepted' | 'wrong-date' | 'void', triesLeft = 4): void {
    if (this.session !== null) {
      const state = outcome === 'accepted' ? 'active' : this.session.state;
      this.session = { ...this.session, state, enrolment: { outcome, triesLeft } };
    }
    this.ring('account');
    if (outcome === 'accepted') {
      setTimeout(() => {
        this.grant(PATIENT_REF);
      }, 800);
    }
  }

  /** Opens the chart to the signed-in account; null takes every chart from it. */
  grant(patientRef: string | null): void {
    if (this.session !== null) {
      const patients: SessionView['patients'] =
        patientRef === null ? [] : [{ patientRef, relation: 'self', scopes: ['message'] }];
      this.session = { ...this.session, patients };
    }
    this.ring('account');
  }

  change(name: string, content: unknown): void {
    this.changeSilently(name, content);
    this.ring('chart');
  }

  /** A change whose news is lost on the way. */
  changeSilently(name: string, content: unknown): void {
    this.sections[name] = content;
    this.versions.set(name, (this.versions.get(name) ?? 1) + 1);
    this.seq += 1;
  }

  ring(kind: 'chart' | 'account' | 'receipt'): void {
    const ref = kind === 'chart' ? PATIENT_REF : ACCOUNT_REF;
    for (const stream of this.streams) {
      stream.write(`event: change\ndata: ${JSON.stringify({ kind, ref, seq: Date.now() })}\n\n`);
    }
  }

  get openStreams(): number {
    return this.streams.size;
  }

  endSession(): void {
    this.session = null;
    this.endStreams();
  }

  endStreams(): void {
    for (const stream of this.streams) {
      stream.end();
    }
    this.streams.clear();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    for (const [name, value] of Object.entries(HEADERS)) {
      response.setHeader(name, value);
    }
    if (!url.pathname.startsWith('/api/')) {
      await this.file(url.pathname, response);
      return;
    }
    const body = await bodyOf(request);
    this.seen.push({
      method: request.method ?? '',
      path: url.pathname,
      userAct: request.headers['x-user-act'] === '1',
      idempotencyKey: String(request.headers['idempotency-key'] ?? '') || null,
      body,
    });
    if (this.down) {
      response.destroy();
      return;
    }
    response.setHeader('cache-control', 'no-store');
    const path = url.pathname.slice('/api/'.length);
    const refusal = this.refusals.get(path);
    if (refusal !== undefined) {
      if (refusal.retryAfter !== undefined) {
        response.setHeader('retry-after', String(refusal.retryAfter));
      }
      problem(response, refusal.status, refusal.code, refusal.errors);
    } else if (request.method === 'POST') {
      this.post(path, body, request, response);
    } else {
      this.get(path, request, response);
    }
  }

  private async file(path: string, response: ServerResponse): Promise<void> {
    const name = path === '/' ? 'index.html' : normalize(path).replace(/^(\.\.[/\\])+/, '');
    try {
      const bytes = await readFile(join(this.root, name));
      response.setHeader('content-type', TYPES[extname(name)] ?? 'application/octet-stream');
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  }

  private get(path: string, request: IncomingMessage, response: ServerResponse): void {
    if (path === 'practice') {
      json(response, 200, { name: 'Alder Lane Family Practice', timeZone: 'America/New_York' });
      return;
    }
    if (this.session === null) {
      problem(response, 401, 'signed-out');
      return;
    }
    if (path === 'session') {
      json(response, 200, this.session);
      return;
    }
    if (path === 'events') {
      void this.streamsOpen.then(() => {
        response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
        response.write('retry: 2000\n\n');
        this.streams.add(response);
        response.on('close', () => this.streams.delete(response));
      });
      return;
    }
    if (path === 'access-history') {
      const from = Number(new URL(request.url ?? '/', this.origin).searchParams.get('before') ?? 0);
      const next = from + ACCESSES < this.accesses.length ? String(from + ACCESSES) : null;
      json(response, 200, { entries: this.accesses.slice(from, from + ACCESSES), next });
      return;
    }
    this.chart(path.replace(`charts/${PATIENT_REF}/`, ''), request, response);
  }

  private chart(path: string, request: IncomingMessage, response: ServerResponse): void {
    const asOf = this.currentAsOf ?? new Date(Date.now() - 4_000).toISOString();
    if (path === 'status') {
      const sections = Object.keys(this.sections).filter((name) => !name.includes('/'));
      json(response, 200, {
        currentAsOf: asOf,
        freshness: this.freshness,
        frozen: this.frozen,
        sections,
        manifest: { era: 1, seq: this.seq },
      });
    } else if (path === 'own-copies') {
      json(response, 200, { copies: this.copies, wishes: this.wishes, ccdRequests: this.ccdRequests });
    } else if (path === 'receipts') {
      json(response, 200, { receipts: this.receipts });
    } else if (path.startsWith('documents/')) {
      this.document(path.slice('documents/'.length), response);
    } else if (path.startsWith('sections/')) {
      this.section(decodeURIComponent(path.slice('sections/'.length)), asOf, request, response);
    } else {
      problem(response, 404, 'not-found');
    }
  }

  private document(id: string, response: ServerResponse): void {
    const file = this.files.get(id);
    if (file === undefined) {
      problem(response, 503, 'document-not-ready');
      return;
    }
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${file.name}"`,
    });
    response.end(file.content);
  }

  private section(name: string, asOf: string, request: IncomingMessage, response: ServerResponse): void {
    if (this.busySection === name) {
      problem(response, 503, 'busy');
      return;
    }
    if (this.sectionProblem !== null) {
      problem(response, this.sectionProblem.status, this.sectionProblem.code);
      return;
    }
    const content = this.sections[name];
    if (content === undefined) {
      problem(response, 404, 'section-not-found');
      return;
    }
    const etag = `"1.${String(this.versions.get(name) ?? 1)}"`;
    response.setHeader('etag', etag);
    response.setHeader('x-as-of', asOf);
    if (request.headers['if-none-match'] === etag) {
      response.statusCode = 304;
      response.end();
      return;
    }
    json(response, 200, content);
  }

  private post(path: string, body: unknown, request: IncomingMessage, response: ServerResponse): void {
    const typed = body as Record<string, never>;
    switch (path) {
      case 'sign-in':
        this.postSignIn(typed, response);
        return;
      case 'sign-in/totp':
      case 'join':
        this.postCode(path, typed, response);
        return;
      case 'join/check':
        postInvite((body as { code: string }).code, response);
        return;
      case 'join/totp':
        json(response, 200, {
          setup: 'opaque',
          secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
          uri: 'otpauth://totp/Portal:rosalind?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Portal',
          qrSvg: `data:image/svg+xml;utf8,${encodeURIComponent(QR)}`,
        });
        return;
      default:
        this.postInSession(path, typed, request, response);
    }
  }

  private postSignIn(body: Record<string, string>, response: ServerResponse): void {
    this.signInsUntilThrottle -= 1;
    if (this.signInsUntilThrottle < 0) {
      response.setHeader('retry-after', '30');
      problem(response, 429, 'too-many-tries');
    } else if (body['name'] === FIXTURE.name && body['password'] === FIXTURE.password) {
      json(response, 200, { next: 'totp' });
    } else if (body['name'] === FIXTURE.endedName && body['password'] === FIXTURE.password) {
      problem(response, 403, 'access-ended');
    } else {
      problem(response, 401, 'sign-in-failed');
    }
  }

  private postCode(path: string, body: Record<string, never>, response: ServerResponse): void {
    const joining = path === 'join';
    const code: unknown = joining ? (body['totp'] as { code: string } | undefined)?.code : body['code'];
    if (code !== FIXTURE.totp) {
      problem(response, joining ? 400 : 401, joining ? 'totp-refused' : 'code-refused');
    } else {
      this.signIn(joining ? 'joining' : 'active');
      json(response, joining ? 201 : 200, this.session ?? {});
    }
  }

  private postInSession(
    path: string,
    body: Record<string, never>,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (this.session === null) {
      problem(response, 401, 'signed-out');
    } else if (request.headers['x-csrf'] !== this.session.csrf) {
      problem(response, 403, 'request-refused');
    } else if (path === 'session/extend') {
      json(response, 200, this.session);
    } else if (path === 'sign-out') {
      this.endSession();
      response.statusCode = 204;
      response.end();
    } else if (path === 'join/date-of-birth') {
      this.session = { ...this.session, enrolment: null };
      json(response, 200, this.session);
    } else if (path === `charts/${PATIENT_REF}/downloads`) {
      response.statusCode = 204;
      response.end();
    } else if (path === `charts/${PATIENT_REF}/release-wishes`) {
      const createdAt = new Date().toISOString();
      const submissionId = randomUUID();
      const payload = { ...(body as unknown as SendReleaseWish), wishedAt: createdAt };
      this.wishes.push({ submissionId, createdAt, state: 'saved', payload });
      json(response, 201, { submissionId, state: 'saved', savedAt: createdAt });
    } else if (path === `charts/${PATIENT_REF}/ccd-requests`) {
      this.once(body, request, response, () => {
        const [submissionId, at] = [randomUUID(), new Date().toISOString()];
        this.receipts.unshift({ submissionId, kind: 'ccd-request', state: 'saved', at });
        const payload = { ...(body as unknown as SendCcdRequest), requestedAt: at };
        this.ccdRequests.push({ submissionId, createdAt: at, state: 'saved', payload });
        return { submissionId, state: 'saved', savedAt: at };
      });
    } else if (path === `charts/${PATIENT_REF}/messages`) {
      this.once(body, request, response, () => this.saved(body as unknown as SendMessage));
    } else {
      problem(response, 404, 'not-found');
    }
  }

  /** Saves once for each idempotency key. */
  private once(asked: object, request: IncomingMessage, response: ServerResponse, save: () => object): void {
    const key = String(request.headers['idempotency-key']);
    const body = JSON.stringify(asked);
    const known = this.keys.get(key);
    if (known !== undefined) {
      if (known.body === body) {
        json(response, 201, known.answer);
      } else {
        problem(response, 422, 'idempotency-conflict');
      }
      return;
    }
    const answer = save();
    this.keys.set(key, { body, answer });
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false;
      // Within the answer: what breaks off before it, Chromium sends again by itself.
      response.writeHead(201, { 'content-type': 'application/json' });
      response.write('{', () => response.destroy());
      return;
    }
    json(response, 201, answer);
  }

  private saved(message: SendMessage): object {
    const threadId = message.threadId ?? randomBytes(16).toString('hex');
    const savedAt = new Date().toISOString();
    const submissionId = randomUUID();
    this.copies.push({
      submissionId,
      kind: 'message',
      stream: threadId,
      createdAt: savedAt,
      state: 'saved',
      payload: { ...message, threadId, writtenAt: savedAt },
    });
    return { submissionId, threadId, state: 'saved', savedAt };
  }
}

function postInvite(code: string, response: ServerResponse): void {
  switch (code) {
    case FIXTURE.invite:
      json(response, 200, { status: 'open' });
      break;
    case FIXTURE.usedInvite:
      problem(response, 409, 'invite-used');
      break;
    case FIXTURE.expiredInvite:
      problem(response, 410, 'invite-expired');
      break;
    default:
      problem(response, 400, code.length < 35 ? 'invite-mistyped' : 'invite-unknown');
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  const body = Buffer.concat(chunks).toString('utf8');
  return body === '' ? null : (JSON.parse(body) as unknown);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: ProblemCode, errors?: object[]): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: `urn:portal:${code}`, title: code, status, code, errors }));
}

/** A picture with the looks of a QR code; it carries nothing. */
const QR = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 21 21" shape-rendering="crispEdges"><rect width="21" height="21" fill="#fff"/><path d="${[
  ...Array(441).keys(),
]
  .filter((cell) => (cell * 7919 + ((cell / 21) | 0) * 104729) % 13 < 6)
  .map((cell) => `M${String(cell % 21)} ${String((cell / 21) | 0)}h1v1h-1z`)
  .join('')}"/></svg>`;
