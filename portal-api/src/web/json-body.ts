import type { FastifyInstance } from 'fastify';
import { LIMITS } from 'sync-contract/limits';
import { nestsDeeper } from '../json/json-depth.js';
import { BodyNotJson } from '../problems/request.problems.js';

/** The one kind of body: JSON, not too deep, with no key that reaches a prototype. */
export function acceptJsonOnly(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: LIMITS.publicRequestBytes },
    (request, body, done) => {
      if (body.length === 0) {
        done(null, {});
      } else if (nestsDeeper(body, LIMITS.jsonDepth)) {
        done(new BodyNotJson());
      } else {
        void parse(request, body.toString('utf8'), done);
      }
    },
  );
}
