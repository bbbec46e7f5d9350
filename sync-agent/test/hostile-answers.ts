import type { ServerResponse } from 'node:http';
import type { Answer } from './rogue-gateway.js';

/** HTTP knows no controls in headers; Latin-1 is what is left of the rest. */
function headerText(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ').slice(0, 1_500);
}

/** Everything of an answer that is free for its sender to choose says the same. */
function head(response: ServerResponse, status: number, says: string, contentType: string): void {
  response.writeHead(status, headerText(says).slice(0, 100), {
    'content-type': contentType,
    'set-cookie': `${headerText(says).replaceAll(';', ' ')}=1`,
    'x-canary': headerText(says),
    server: headerText(says),
    location: `https://${encodeURIComponent(says).slice(0, 500)}.example/`,
    'retry-after': headerText(says),
  });
}

function problem(status: number, says: string, code: string): Answer {
  return (_request, response) => {
    head(response, status, says, 'application/problem+json');
    const own = { type: says, title: says, status, code, detail: says, instance: says, [says]: says };
    response.end(JSON.stringify({ ...own, chart: says, missing: [says], errors: [{ path: says, message: says }] }));
  };
}

function ok(body: (says: string) => unknown, says: string): Answer {
  return (_request, response) => {
    head(response, 200, says, 'application/json');
    response.end(JSON.stringify(body(says)));
  };
}

/** What a gateway could answer to any call so that the agent writes it down, each with `says` wherever there is room. */
export function hostileAnswers(says: string): Answer[] {
  const word = says
    .toLowerCase()
    .replace(/[^a-z]+/g, '-')
    .slice(0, 60);
  const statuses = [201, 302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 501, 503, 507];
  return [
    ...statuses.flatMap((status) => [problem(status, says, word), problem(status, says, says)]),
    ok((text) => ({ [text]: text }), says),
    ok((text) => [text], says),
    ok((text) => text, says),
    ok((text) => ({ acked: text, version: { era: text, seq: text }, lease: text, items: [{ [text]: text }] }), says),
    ok((text) => ({ versions: [text], site: text, now: text, heartbeat: { era: 1, seq: text } }), says),
    ok((text) => ({ eras: [{ kid: text, body: text, signature: text }] }), says),
    ok(() => ({ items: [], lease: null, ['x'.repeat(200_000)]: 'x'.repeat(200_000) }), says),
    (_request, response) => {
      head(response, 200, says, 'text/html');
      response.end(`<html>${says}</html>`);
    },
    (_request, response) => {
      head(response, 500, says, 'application/json');
      response.write(`{"title":"${says}`);
      response.destroy();
    },
    (request) => {
      request.socket.write(`HTTP/1.1 ${says}\r\n${says}\r\n\r\n${says}`);
      request.socket.destroy();
    },
  ];
}
