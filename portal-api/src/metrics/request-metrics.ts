import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { notedProblem } from '../log/noted-problem.js';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** An answer as those see it who count more than its time. */
export interface Answered {
  /** method and pattern, `POST /api/sign-in` */
  route: string;
  status: number;
  /** of the problem it answered with */
  code: string | undefined;
}

/**
 * Counts the requests of a process: time by route, how many are open, problems by code. A route is its pattern, and
 * `none` where there is none: nothing that a client chooses becomes a label.
 * @param prefix `portal` or `gateway`
 */
export function measureRequests(
  server: FastifyInstance,
  registry: Registry,
  prefix: string,
  onAnswer: (answered: Answered) => void = () => undefined,
): void {
  const registers = [registry];
  const duration = new Histogram({
    name: `${prefix}_http_request_duration_seconds`,
    help: 'Time from a request to the end of its answer',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: SECONDS,
    registers,
  });
  const open = new Gauge({
    name: `${prefix}_http_requests_open`,
    help: 'Requests that are being answered, event streams and waiting leases among them',
    labelNames: ['route'] as const,
    registers,
  });
  const problems = new Counter({
    name: `${prefix}_problems_total`,
    help: 'Answers that were problems, by their code',
    labelNames: ['route', 'code'] as const,
    registers,
  });
  server.addHook('onRequest', (request, reply, done) => {
    const route = routeOf(request);
    open.inc({ route });
    reply.raw.once('close', () => {
      open.dec({ route });
    });
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    const [route, { method }] = [routeOf(request), request];
    const status = reply.statusCode;
    duration.observe({ method, route, status: `${String(Math.floor(status / 100))}xx` }, reply.elapsedTime / 1_000);
    const code = notedProblem(reply.raw);
    if (code !== undefined) {
      problems.inc({ route, code });
    }
    onAnswer({ route: `${method} ${route}`, status, code });
    done();
  });
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'none';
}
