import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../demo/program.js';
import { missingNames, repositoryFiles } from './named-files.js';

const files = repositoryFiles();

describe('what a reader is sent to is there', () => {
  it.each(['SECURITY.md', 'README.md'])('%s', (name) => {
    const text = readFileSync(join(repositoryRoot(), name), 'utf8');
    expect(text.match(/`[^`\n]+\.ts`/g)?.length).toBeGreaterThan(10);
    expect(missingNames(text, files)).toEqual([]);
  });

  it('and what is not there is found', () => {
    const text =
      'see `infra/drills/gone.ts`, `gone/`, `infra/zones/zones.ts`, `zones.ts`, `infra/zones/`: npm run gone';
    expect(missingNames(text, files)).toEqual(['infra/drills/gone.ts', 'gone/', 'npm run gone']);
  });

  it('has a test or drill in every row of the threats, from T1 to T16', () => {
    const rows = readFileSync(join(repositoryRoot(), 'SECURITY.md'), 'utf8')
      .split('\n')
      .filter((line) => /^\| T\d+ /.test(line));
    expect(rows.map((row) => /T\d+/.exec(row)?.[0])).toEqual(Array.from({ length: 16 }, (_, i) => `T${String(i + 1)}`));
    const held = /`[^`]+(\.spec\.ts|drills\/[^`]+\.ts|isolation[^`]*\.ts)`/;
    expect(rows.filter((row) => !held.test(row.split('|').at(-2) ?? ''))).toEqual([]);
  });
});
