import type { PortalHeaders, ProblemView } from 'portal-api/http';
import { ApiProblem, ConnectionLost } from './problem.js';

const HEADER = {
  csrf: 'x-csrf',
  requestedWith: 'x-requested-with',
  userAct: 'x-user-act',
  idempotencyKey: 'idempotency-key',
  asOf: 'x-as-of',
} as const satisfies PortalHeaders;

const TIMEOUT_MS = 20_000;

export interface RequestOptions {
  /** Set for what the person did (navigation, submit), never for refetches: only such requests keep the session awake. */
  userAct?: boolean;
  idempotencyKey?: string;
  /** a 401 here is an answer to a form and says nothing about the session */
  signedOutIsAnswer?: boolean;
  etag?: string | null;
}

export interface Answer<T> {
  /** null after 304 and 204 */
  body: T | null;
  notModified: boolean;
  etag: string | null;
  asOf: string | null;
}

/**
 * The one place that talks to portal-api. Same origin, never cached, problems become `ApiProblem`, silence becomes
 * `ConnectionLost`. The shapes of answers are those of `portal-api/http`, of the very server that sent this page.
 */
export class ApiClient {
  /** value of `x-csrf`; null while nobody is signed in */
  csrf: string | null = null;
  onSignedOut: () => void = () => undefined;
  onUserAct: () => void = () => undefined;
  onReachable: (reachable: boolean) => void = () => undefined;

  async get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return required((await this.request<T>('GET', path, undefined, options)).body);
  }

  getWithMeta<T>(path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    return this.request<T>('GET', path, undefined, options);
  }

  async post<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return required((await this.request<T>('POST', path, body, options)).body);
  }

  async postForNothing(path: string, options: RequestOptions = {}, body: unknown = {}): Promise<void> {
    await this.request('POST', path, body, options);
  }

  private async request<T>(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    options: RequestOptions,
  ): Promise<Answer<T>> {
    const response = await this.fetch(path, {
      method,
      headers: this.headers(method, options),
      body: body === undefined ? null : JSON.stringify(body),
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok && response.status !== 304) {
      throw await this.problemOf(response, options);
    }
    if (options.userAct === true) {
      this.onUserAct();
    }
    const empty = response.status === 204 || response.status === 304;
    return {
      body: empty ? null : await readJson<T>(response),
      notModified: response.status === 304,
      etag: response.headers.get('etag'),
      asOf: response.headers.get(HEADER.asOf),
    };
  }

  private headers(method: string, options: RequestOptions): Record<string, string> {
    return {
      accept: 'application/json, application/problem+json',
      ...(method === 'POST' && { 'content-type': 'application/json', [HEADER.requestedWith]: 'portal' }),
      ...(method === 'POST' && this.csrf !== null && { [HEADER.csrf]: this.csrf }),
      ...(options.userAct === true && { [HEADER.userAct]: '1' }),
      ...(options.idempotencyKey !== undefined && { [HEADER.idempotencyKey]: options.idempotencyKey }),
      ...(typeof options.etag === 'string' && { 'if-none-match': options.etag }),
    };
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      const response = await fetch(path, init);
      this.onReachable(true);
      return response;
    } catch {
      this.onReachable(false);
      throw new ConnectionLost();
    }
  }

  private async problemOf(response: Response, options: RequestOptions): Promise<ApiProblem> {
    let view: Pick<ProblemView, 'status' | 'code' | 'errors'> = { status: response.status, code: 'unexpected' };
    if (response.headers.get('content-type')?.includes('json') === true) {
      view = await readJson<ProblemView>(response);
    } else if (response.status >= 502 && response.status <= 504) {
      view = { status: response.status, code: 'busy' };
    }
    if (response.status === 401 && options.signedOutIsAnswer !== true) {
      this.onSignedOut();
    }
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
    return new ApiProblem({ ...view, status: response.status }, Number.isFinite(retryAfter) ? retryAfter : null);
  }
}

export const api = new ApiClient();

/** @throws ConnectionLost when the connection broke off within the answer */
async function readJson<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new ConnectionLost();
  }
}

function required<T>(body: T | null): T {
  if (body === null) {
    throw new ApiProblem({ status: 204, code: 'unexpected' }, null);
  }
  return body;
}
