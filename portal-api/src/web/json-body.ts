import type { FastifyInstance } from 'fastify';
import { LIMITS } from 'sync-contract/limits';
import { BodyNotJson } from '../problems/request.problems.js';

/** The one kind of body: JSON, not too deep, with no key that reaches a prototype. */
export function acceptJsonOnly(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: LIMITS.publicRequestBytes },
    (request, body, done) => {
      if (body === '') {
        done(null, {});
      } else if (isDeeperThan(body, LIMITS.jsonDepth)) {
        done(new BodyNotJson());
      } else {
        void parse(request, body, done);
      }
    },
  );
}

/** Counts brackets outside strings, before any object is made. */
export function isDeeperThan(json: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i += 1) {
    const character = json.charCodeAt(i);
    if (inString) {
      if (character === 0x5c) {
        i += 1;
      } else if (character === 0x22) {
        inString = false;
      }
    } else if (character === 0x22) {
      inString = true;
    } else if (character === 0x7b || character === 0x5b) {
      depth += 1;
      if (depth > limit) {
        return true;
      }
    } else if (character === 0x7d || character === 0x5d) {
      depth -= 1;
    }
  }
  return false;
}
