import { resolve, sep } from 'node:path';
import serveStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Names of the files here carry a hash of their content. */
const IMMUTABLE_FOLDER = 'assets';

/** The built web app: exactly the files that are there at the start. */
export async function serveWebApp(server: FastifyInstance, webRoot: string): Promise<void> {
  const root = resolve(webRoot);
  const immutable = `${root}${sep}${IMMUTABLE_FOLDER}${sep}`;
  await server.register(serveStatic, {
    root,
    wildcard: false,
    cacheControl: false,
    dotfiles: 'deny',
    setHeaders: (reply, path) => {
      const once = path.startsWith(immutable);
      reply.header('cache-control', once ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
