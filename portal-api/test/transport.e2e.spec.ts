import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { formatInviteCode, newInviteCode } from 'sync-contract/invite';
import { PortalUnderTest } from './portal-under-test.js';

let portal: PortalUnderTest;
beforeAll(async () => {
  portal = await PortalUnderTest.start('transport', {
    PUBLIC_ORIGIN: 'https://portal.example',
    TRUST_PROXY: '192.0.2.1',
  });
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

test('browsers are bound to TLS for a year where the portal is reached by TLS', async () => {
  const response = await portal.browser().get('/').expect(200);
  expect(response.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
});

test('forwarding headers are not believed but of the configured proxy', async () => {
  const answers: number[] = [];
  for (let i = 0; i < 63; i += 1) {
    const { status } = await portal.browser().post('/api/join/check', { code: formatInviteCode(newInviteCode()) });
    answers.push(status);
  }
  expect(answers).toContain(429);
});
