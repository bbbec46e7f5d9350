import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import { isForApi } from './api-path.js';

const YEAR_S = 31_536_000;

/**
 * On every answer. No inline script or style, nothing from elsewhere, no framing; scripts write markup through Svelte's
 * own trusted-types policy only.
 */
export async function sendSecurityHeaders(server: FastifyInstance, publicOrigin: string): Promise<void> {
  await server.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ['svelte-trusted-html'],
      },
    },
    strictTransportSecurity: publicOrigin.startsWith('https:') ? { maxAge: YEAR_S, includeSubDomains: true } : false,
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    crossOriginEmbedderPolicy: { policy: 'require-corp' },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=(), usb=()');
    reply.header('x-request-id', request.id);
    if (isForApi(request)) {
      reply.header('cache-control', 'no-store');
    }
    done();
  });
}
