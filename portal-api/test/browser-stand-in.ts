import supertest, { type Response, type Test } from 'supertest';
import type { ProblemView, SessionView } from '../src/http.js';

/** Code of a problem, or undefined when the answer is none. */
export function codeOf(response: { body: unknown }): string | undefined {
  return (response.body as Partial<ProblemView>).code;
}

/**
 * A browser as far as the API sees one: sends cookies, origin and the headers of the web app. Cookies are kept here
 * because test clients do not send secure ones over plain HTTP.
 */
export class BrowserStandIn {
  readonly cookies = new Map<string, string>();
  csrf: string | undefined;

  constructor(
    readonly url: string,
    readonly origin: string,
    /** as a proxy would report it */
    readonly address = '203.0.113.1',
  ) {}

  get(path: string): Test {
    return this.prepare(supertest(this.url).get(path));
  }

  post(path: string, body: unknown = {}): Test {
    const test = this.prepare(supertest(this.url).post(path))
      .set('origin', this.origin)
      .set('x-requested-with', 'portal');
    return (this.csrf === undefined ? test : test.set('x-csrf', this.csrf)).send(body as object);
  }

  /** Sends, keeps cookies and the session's token as the page would. */
  async keep(test: Test): Promise<Response> {
    const response = await test;
    for (const line of response.get('Set-Cookie') ?? []) {
      const [pair = ''] = line.split(';');
      const [name = '', value = ''] = pair.split('=');
      if (value === '') {
        this.cookies.delete(name);
      } else {
        this.cookies.set(name, value);
      }
    }
    const { csrf } = response.body as Partial<SessionView>;
    this.csrf = csrf ?? this.csrf;
    return response;
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  private prepare(test: Test): Test {
    const addressed = test.set('x-forwarded-for', this.address);
    return this.cookies.size === 0 ? addressed : addressed.set('cookie', this.cookieHeader);
  }
}
