import type { FastifyRequest } from 'fastify';

/**
 * Whether a request is for the API, as the router sees it: it decodes the path and takes whole addresses, so the text
 * that was sent does not tell. Without a route the decoded text decides; what cannot be decoded counts as the API's.
 */
export function isForApi({ routeOptions, url }: FastifyRequest): boolean {
  return [routeOptions.url, decoded(url)].some((path) => path?.startsWith('/api/'));
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url.replace(/^https?:\/\/[^/]*/i, ''));
  } catch {
    return '/api/';
  }
}
