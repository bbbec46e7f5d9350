import type { Route } from './route-table.js';

/** Every name of a field that some route knows: the values are what the client chose. */
const FIELDS = [
  ...['code', 'name', 'password', 'dateOfBirth', 'body', 'subject', 'topic', 'threadId', 'setup', 'totp', 'msg'],
  ...['level', 'time', 'requestId', 'reason', 'statement', 'statements', 'site', 'now', 'invites', 'patientRef'],
  ...['enrolments', 'grants', 'grantIds', 'charts', 'submissionIds', 'manifest', 'sections', 'heartbeat'],
];

/** HTTP refuses controls in header values before anybody hears of them; all else is sent as bytes. */
function headerValue(text: string): string {
  return text.replace(/[\0-\u0008\u000a-\u001f\u007f]/g, ' ');
}

/** However it ends. */
export function closed(socket: NodeJS.ReadableStream): Promise<void> {
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.on('close', resolve);
  });
}

export interface Asked {
  status: number;
  text: string;
}

/** Sends exactly these bytes and reads the whole answer. */
export async function sendRaw(
  socket: NodeJS.WritableStream & NodeJS.ReadableStream,
  head: string[],
  body: string,
): Promise<Asked> {
  const bytes = Buffer.from(body, 'utf8');
  socket.write([...head, `content-length: ${String(bytes.length)}`, 'connection: close', '', ''].join('\r\n'));
  socket.write(bytes);
  let text = '';
  socket.on('data', (part: Buffer) => (text += part.toString()));
  await closed(socket);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text };
}

/** A request of a route with the canary in everything that a client chooses. */
export function requestOf(
  route: Route,
  canary: string,
  injection: string,
  cookie: string,
  csrf: string,
): [string[], string] {
  const path = route.path.replace(/:\w+/g, encodeURIComponent(`${canary}${injection}`).slice(0, 100));
  const value = headerValue(`${canary}${injection}`);
  return [
    [
      `${route.method} ${path}?canary=${encodeURIComponent(`${canary}${injection}`)} HTTP/1.1`,
      `host: ${canary}.example`,
      `user-agent: ${value}`,
      `authorization: Bearer ${canary}`,
      `cookie: ${cookie}; other=${canary}; __Host-pending=${canary}`,
      `x-csrf: ${csrf}`,
      'origin: http://localhost:8080',
      'x-requested-with: portal',
      `x-request-id: ${canary}`,
      `request-id: ${canary}`,
      `idempotency-key: ${canary}`,
      `x-canary: ${value}`,
      'content-type: application/json',
    ],
    JSON.stringify(Object.fromEntries(FIELDS.map((field) => [field, `${canary}${injection}`]))),
  ];
}
