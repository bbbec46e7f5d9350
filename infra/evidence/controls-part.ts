import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../demo/program.js';
import { CONTROLS } from './controls.js';
import { table, type EvidencePart } from './evidence-part.js';
import type { Facts } from './live-facts.js';

export function controlsPart(facts: Facts): EvidencePart {
  const rows = CONTROLS.map(({ live, ...control }) => ({ ...control, seen: live === undefined ? null : live(facts) }));
  const failed = rows.filter(({ seen }) => seen === false);
  const missing = rows.flatMap(({ heldBy }) => heldBy).filter((file) => !existsSync(join(repositoryRoot(), file)));
  const seenWords = { true: 'seen', false: 'NOT SEEN', null: 'not for a machine' } as const;
  return {
    name: '10-controls',
    title: 'Settings against HIPAA 164.312 and NIST SP 800-53 SC-7',
    finding:
      failed.length + missing.length === 0
        ? `${String(rows.length)} controls; ${String(rows.filter(({ seen }) => seen === true).length)} seen on the running system, the others held by the files named.`
        : `not seen: ${failed.map(({ control }) => control).join(', ') || 'none'}; files that are not there: ${missing.join(', ') || 'none'}.`,
    holds: failed.length + missing.length === 0,
    command: 'npm run evidence -- --without-drills',
    text: table(
      ['standard', 'control', 'what we do', 'held by', 'on the running system', 'left open'],
      rows.map(({ standard, control, does, heldBy, seen, open }) => [
        standard,
        control,
        does,
        heldBy.join(', '),
        seenWords[String(seen) as keyof typeof seenWords],
        open,
      ]),
    ),
    data: { controls: rows, facts },
  };
}
