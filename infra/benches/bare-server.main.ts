import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createPool, type RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { bareSettingsFile } from './config.js';

/**
 * What the read bench compares portal-api with: Node's own HTTP server and one prepared statement per request. No
 * session, no right, no seal, no audit.
 */

const BareSettings = z.object({
  port: z.int().positive(),
  database: z.object({ host: z.string(), port: z.int(), caFile: z.string(), user: z.string(), name: z.string() }),
  passwordFile: z.string(),
  /** as many as portal-api has */
  connections: z.int().positive(),
});
export type BareSettings = z.infer<typeof BareSettings>;

const { port, database, passwordFile, connections } = BareSettings.parse(
  JSON.parse(readFileSync(bareSettingsFile(), 'utf8')),
);
const pool = createPool({
  host: database.host,
  port: database.port,
  user: database.user,
  database: database.name,
  password: readFileSync(passwordFile, 'utf8').trim(),
  ssl: { ca: readFileSync(database.caFile) },
  connectionLimit: connections,
});

async function bodyOf(name: string): Promise<Buffer | undefined> {
  const [rows] = await pool.execute<(RowDataPacket & { body: Buffer })[]>(
    'SELECT body FROM bench_section WHERE name = ?',
    [name],
  );
  return rows[0]?.body;
}

createServer((request, response) => {
  bodyOf(decodeURIComponent((request.url ?? '').slice(1))).then(
    (body) => {
      response.writeHead(body === undefined ? 404 : 200, {
        'content-type': 'application/json; charset=utf-8',
        'content-encoding': 'br',
      });
      response.end(body);
    },
    () => {
      response.writeHead(500).end();
    },
  );
}).listen(port, '127.0.0.1');
