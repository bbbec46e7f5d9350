import { expect, test } from '@jest/globals';
import { crossings } from '../zones/zones.js';
import { acceptRules, firewallRuleset, type FirewallPlan } from './ruleset.js';

const PLAN: FirewallPlan = {
  internetInterface: 'wan0',
  addresses: {
    'web-proxy': { v4: '10.0.2.10', v6: 'fd00:2::10' },
    'sync-gateway': { v4: '10.0.2.10', v6: 'fd00:2::10' },
    'sync-agent': { v4: '10.0.3.10', v6: 'fd00:3::10' },
  },
};

test('each crossing becomes one accept per family, with its source, its destination and its port', () => {
  expect(crossings().flatMap((crossing) => acceptRules(crossing, PLAN))).toEqual([
    'iifname "wan0" ip daddr 10.0.2.10 tcp dport 443 accept comment "internet to web-proxy, IPv4"',
    'iifname "wan0" ip6 daddr fd00:2::10 tcp dport 443 accept comment "internet to web-proxy, IPv6"',
    'ip saddr 10.0.3.10 ip daddr 10.0.2.10 tcp dport 8443 accept comment "sync-agent to sync-gateway, IPv4"',
    'ip6 saddr fd00:3::10 ip6 daddr fd00:2::10 tcp dport 8443 accept comment "sync-agent to sync-gateway, IPv6"',
  ]);
});

test('every chain drops what it does not accept', () => {
  const ruleset = firewallRuleset(PLAN);
  expect(ruleset.match(/type filter hook \w+ .*/g)).toEqual([
    'type filter hook forward priority filter; policy drop;',
    'type filter hook input priority filter; policy drop;',
  ]);
});

test('a process without an address is refused, not left out', () => {
  expect(() => firewallRuleset({ ...PLAN, addresses: {} })).toThrow('web-proxy');
});
