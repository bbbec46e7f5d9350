import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { repositoryRoot } from '../demo/program.js';
import { table, type EvidencePart } from './evidence-part.js';

/** What `npm run sbom` prints, as far as it is read here; the file keeps all of it. */
const Sbom = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.string(),
  components: z
    .array(
      z.looseObject({
        name: z.string(),
        version: z.string(),
        purl: z.string(),
        licenses: z
          .array(
            z.union([
              z.looseObject({ license: z.looseObject({ id: z.string().optional(), name: z.string().optional() }) }),
              z.looseObject({ expression: z.string() }),
            ]),
          )
          .optional(),
      }),
    )
    .min(1),
});
type Component = z.infer<typeof Sbom>['components'][number];

const AuditAnswer = z.object({ made: z.boolean(), sentence: z.string(), counts: z.record(z.string(), z.number()) });

/** Licences that ask for no more than their notice; another is a question for a person. */
const LICENCES =
  /^(MIT|MIT-0|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|Unlicense|CC0-1\.0|Python-2\.0|Bitstream-Vera)$/;
/** Packages whose description names no licence, or none by its common name, and what their own files say. */
const READ_BY_HAND: Readonly<Record<string, string>> = {
  'passport-strategy@1.0.0': 'MIT',
  'pause@0.0.1': 'MIT',
  'png-js@2.0.0': 'MIT',
  'dejavu-fonts-ttf@2.37.3': 'Bitstream-Vera',
};
const OURS = new Set(['sync-contract', 'portal-api', 'portal-web', 'sync-agent', 'infra', 'openemr-dmz-portal']);

/** What the programs in production and the pages are made of. */
export function sbomPart(): EvidencePart {
  const { status, stdout } = spawnSync(process.execPath, [join(repositoryRoot(), 'infra/run/sbom.mjs')], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const parsed = Sbom.safeParse(status === 0 ? JSON.parse(stdout) : null);
  const frame = {
    name: '08-components',
    title: 'Components (SBOM) and licences',
    command: 'npm run --silent sbom > sbom.cdx.json',
  };
  if (!parsed.success) {
    return { ...frame, finding: 'npm could not make the SBOM.', holds: false, text: '', data: null };
  }
  const { components, specVersion } = parsed.data;
  const foreign = components.filter(({ name }) => !OURS.has(name));
  const licences = new Map<string, string[]>();
  for (const component of foreign) {
    const licence = licenceOf(component);
    licences.set(licence, [...(licences.get(licence) ?? []), `${component.name}@${component.version}`]);
  }
  const questions = [...licences].filter(([licence]) => !isUsual(licence));
  const rows = [...licences].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...frame,
    finding: `${String(foreign.length)} packages of others in CycloneDX ${specVersion}; ${
      questions.length === 0
        ? 'every licence asks for no more than its notice'
        : `a person has to look at: ${questions.map(([licence]) => licence).join(', ')}`
    }.`,
    holds: questions.length === 0,
    text: [
      table(
        ['licence', 'packages', 'which'],
        rows.map(([licence, names]) => [licence, names.length, names.sort().join(', ')]),
      ),
      '',
      'The images and units that the programs are deployed with bring their own operating system packages, which are not',
      'in this list.',
    ].join('\n'),
    data: Object.fromEntries(rows),
    files: { 'sbom.cdx.json': stdout },
  };
}

function licenceOf({ name, version, licenses = [] }: Component): string {
  const names = licenses.map((each) =>
    'expression' in each ? String(each.expression) : (each.license.id ?? each.license.name ?? ''),
  );
  return READ_BY_HAND[`${name}@${version}`] ?? (names.join(' AND ') || 'none given');
}

/** One of several offered is enough. */
const isUsual = (licence: string): boolean =>
  licence
    .split(/ OR /)
    .some((choice) => choice.split(/ AND /).every((each) => LICENCES.test(each.replace(/[()]/g, ''))));

/** The gate of known weaknesses, which needs the registry's answer. */
export function auditPart(): EvidencePart {
  const script = join(repositoryRoot(), 'infra/run/audit.mjs');
  const { stdout } = spawnSync(process.execPath, [script, '--json'], { cwd: repositoryRoot(), encoding: 'utf8' });
  const { made, sentence, counts } = AuditAnswer.parse(JSON.parse(stdout));
  const clean = (counts['high'] ?? 0) + (counts['critical'] ?? 0) === 0;
  return {
    name: '09-known-weaknesses',
    title: 'Known weaknesses of the components',
    finding: sentence,
    holds: made ? clean : null,
    command: 'npm run audit',
    text: table(['severity', 'advisories'], Object.entries(counts)),
    data: { made, counts },
  };
}
