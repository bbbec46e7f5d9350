import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import helmet, { type HelmetOptions } from 'helmet';
import { isForApi } from './api-path.js';

const YEAR_S = 31_536_000;

/**
 * On every answer. No inline script or style, nothing from elsewhere, no framing; scripts write markup through Svelte's
 * own trusted-types policy only.
 */
export function sendSecurityHeaders(server: FastifyInstance, publicOrigin: string): void {
  const headers = headersOf({
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
  headers.set('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=(), usb=()');
  server.addHook('onRequest', (request, reply, done) => {
    reply.raw.setHeaders(headers);
    reply.header('x-request-id', request.id);
    if (isForApi(request)) {
      reply.header('cache-control', 'no-store');
    }
    done();
  });
}

/** They are the same for every answer, so helmet works them out once and not for each. */
function headersOf(options: HelmetOptions): Map<string, string> {
  const stage = new ServerResponse(new IncomingMessage(new Socket()));
  helmet(options)(stage.req, stage, (error?: unknown) => {
    if (error !== undefined) {
      throw error instanceof Error ? error : new Error('the security headers cannot be made');
    }
  });
  return new Map(Object.entries(stage.getHeaders()).map(([name, value]) => [name, String(value)]));
}
