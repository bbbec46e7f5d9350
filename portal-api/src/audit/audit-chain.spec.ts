import { describe, expect, test } from '@jest/globals';
import { AUDIT_GENESIS, firstBrokenLink, nextLink, type AuditLink } from './audit-chain.js';

function chain(length: number): AuditLink[] {
  const links: AuditLink[] = [];
  let head = { n: 0, hash: AUDIT_GENESIS };
  for (let i = 0; i < length; i += 1) {
    const link = nextLink(head, { action: 'chart-read', outcome: 'ok', actor: 'a'.repeat(32) }, new Date(i));
    links.push(link);
    head = link;
  }
  return links;
}

describe('the audit chain', () => {
  test('holds as written', () => {
    expect(firstBrokenLink(chain(20))).toBeNull();
    expect(firstBrokenLink([])).toBeNull();
  });

  test.each<[string, (links: AuditLink[]) => AuditLink[], number]>([
    [
      'changed',
      (links) => links.map((link) => (link.n === 7 ? { ...link, body: link.body.replace('ok', 'no') } : link)),
      7,
    ],
    ['removed', (links) => links.filter((link) => link.n !== 7), 7],
    ['swapped', (links) => [...links.slice(0, 6), ...links.slice(6, 8).reverse(), ...links.slice(8)], 7],
    ['removed at the start', (links) => links.slice(1), 1],
  ])('shows the first entry that was %s', (_what, tamper, broken) => {
    expect(firstBrokenLink(tamper(chain(20)))).toBe(broken);
  });

  test('shows an entry that was changed and hashed anew, by the entry after it', () => {
    const links = chain(20);
    const forged = nextLink(
      links[5] ?? { n: 0, hash: AUDIT_GENESIS },
      { action: 'join', outcome: 'ok', actor: null },
      new Date(),
    );
    expect(firstBrokenLink(links.map((link) => (link.n === 7 ? forged : link)))).toBe(8);
  });
});
