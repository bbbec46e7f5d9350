import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { metricsNamed } from 'infra/prometheus/metric-names';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { GatewayMetrics } from '../src/gateway/gateway-metrics.js';
import { GatewayUnderTest, redisOf } from './gateway-under-test.js';
import { labelSets, sampleOf, valuesOf } from './metrics-under-test.js';
import { TestAgent, strangerPair } from './test-agent.js';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await GatewayUnderTest.start('gateway_metrics', redisOf('sync_gateway'), undefined, {
    host: '127.0.0.1',
    port: 0,
  });
});
afterAll(async () => gateway[Symbol.asyncDispose]());

async function scrape(): Promise<string> {
  return (await fetch(`http://127.0.0.1:${String(gateway.app.get(GatewayMetrics).port)}/metrics`)).text();
}

test('the numbers follow what happens, and labels are these and no other', async () => {
  await gateway.handOverKeys();
  const now = new Date(Date.now() - 7_000).toISOString();
  await gateway.call('hello', { site: gateway.site, now });
  await gateway.call('lease', { limit: 0, waitMs: 0 });
  await gateway.call('lease', { limit: 1, waitMs: 0 });
  await gateway.agent.post('/v1/MetricsZebra?x=MetricsZebra', {});
  using stranger = new TestAgent(gateway.port, strangerPair({ commonName: 'MetricsZebra' }));
  await expect(stranger.post(GATEWAY_ROUTES.hello, {})).rejects.toThrow();
  const text = await scrape();
  expect(text).not.toContain('MetricsZebra');
  expect(sampleOf(text, 'gateway_clock_skew_seconds')).toBeCloseTo(7, 0);
  expect(sampleOf(text, 'gateway_connections_refused_total', { reason: 'name' })).toBe(1);
  expect(sampleOf(text, 'gateway_problems_total', { route: '/v1/outbox/lease', code: 'body-refused' })).toBe(1);
  expect(sampleOf(text, 'gateway_outbox_oldest_age_seconds')).toBe(0);
  expect(sampleOf(text, 'gateway_heartbeat_age_seconds')).toBeUndefined();
  expect((sampleOf(text, 'gateway_certificate_expires_timestamp_seconds') ?? 0) * 1_000).toBeGreaterThan(Date.now());
  const leases = { method: 'POST', route: '/v1/outbox/lease', status: '2xx' };
  expect(sampleOf(text, 'gateway_http_request_duration_seconds_count', leases)).toBe(1);
  expect(labelSets(text, 'gateway_')).toEqual({
    gateway_connections_refused_total: ['reason'],
    gateway_heartbeat_age_seconds: [],
    gateway_outbox_oldest_age_seconds: [],
    gateway_clock_skew_seconds: [],
    gateway_certificate_expires_timestamp_seconds: [],
    gateway_http_request_duration_seconds: ['method', 'route', 'status'],
    gateway_http_requests_open: ['route'],
    gateway_problems_total: ['code', 'route'],
  });
  const routes = new Set<string>([...Object.values(GATEWAY_ROUTES), 'none']);
  expect(
    valuesOf(text, 'gateway_http_request_duration_seconds_count', 'route').filter((route) => !routes.has(route)),
  ).toEqual([]);
});

test('every metric is on a dashboard, and every one that a dashboard or an alert names is there', async () => {
  const there = Object.keys(labelSets(await scrape(), 'gateway_')).sort();
  expect(metricsNamed('gateway', 'dashboards')).toEqual(there);
  expect(metricsNamed('gateway', 'dashboards and rules')).toEqual(there);
});
