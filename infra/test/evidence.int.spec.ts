import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { inOrder, partsOfCode, partsOfSystem } from 'infra/evidence/build-parts';
import { parseDataFlow, reviewedDataFlow } from 'infra/evidence/data-flow';
import { drillsLeftOut } from 'infra/evidence/drills-part';
import { writeFolder, type EvidencePart } from 'infra/evidence/evidence-part';
import { isolationLeftOut } from 'infra/evidence/isolation-part';
import { inventoryPart } from 'infra/evidence/inventory-part';
import { keyRegisterPart } from 'infra/evidence/key-register-part';
import { rightsPart } from 'infra/evidence/rights-part';
import { repositoryRoot } from 'infra/demo/program';
import { readyPatient, type ReadyPatient } from 'infra/demo/ready-patient';
import { System } from 'infra/demo/system';
import { freePort, freeServicePorts } from 'infra/services/ports';
import { readSecret } from 'infra/services/data-folder';
import { withRedis } from 'infra/services/redis-client';
import { temporaryDataDir } from 'infra/services/test-services';

const Package = z.object({ name: z.string(), version: z.string() });
type Package = z.infer<typeof Package>;

let dataDir: string;
let folder: string;
let system: System;
let patient: ReadyPatient;
let parts: EvidencePart[];

beforeAll(async () => {
  dataDir = temporaryDataDir();
  folder = mkdtempSync(join(tmpdir(), 'odp-folder-'));
  const gatewayPort = await freePort();
  system = await System.start({
    dataDir,
    portalPort: await freePort(),
    gatewayPort,
    servicePorts: await freeServicePorts(),
    patients: 2,
    log: () => undefined,
  });
  patient = await readyPatient(system, dataDir);
  parts = inOrder([
    ...(await partsOfSystem(system, gatewayPort)),
    // That it is what the code generates, data-flow.spec shows; it takes its time.
    ...partsOfCode(parseDataFlow(reviewedDataFlow())),
    isolationLeftOut(),
    drillsLeftOut(),
  ]);
  writeFolder(folder, parts, ['A test.']);
}, 900_000);

afterAll(async () => {
  await system.stop();
  rmSync(dataDir, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

const files = (): { name: string; text: string }[] =>
  readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));

describe('the folder', () => {
  it('has every part, each with a finding, and an index whose links lead somewhere', () => {
    expect(parts.map(({ name }) => name)).toEqual([
      '01-zones-and-flows',
      '02-data-flow',
      '03-dmz-inventory',
      '04-key-register',
      '05-isolation',
      '06-rights',
      '07-drills',
      '08-components',
      '09-known-weaknesses',
      '10-controls',
    ]);
    const index = readFileSync(join(folder, 'index.md'), 'utf8');
    const links = [...index.matchAll(/\]\(([^)]+)\)/g)].map(([, file = '']) => file);
    expect(links).toHaveLength(parts.length * 2 + 1);
    expect(links.filter((file) => !existsSync(join(folder, file)))).toEqual([]);
    for (const { name, text } of files().filter((file) => file.name.endsWith('.json'))) {
      expect([name, typeof JSON.parse(text)]).toEqual([name, 'object']);
    }
  });

  it('finds nothing wrong with a healthy system, and says what it did not see', () => {
    const results = parts.map(({ name, holds, finding }) => [name, holds, finding]);
    expect(results.filter(([, holds]) => holds === false)).toEqual([]);
    const unseen = parts.filter(({ holds }) => holds === null).map(({ name }) => name);
    // Whether the registry answers is not ours to say.
    expect(unseen.filter((name) => name !== '09-known-weaknesses')).toEqual(['05-isolation', '07-drills']);
  });

  it('names no patient, no date of birth, no sign-in, no reference of a chart, and no secret', async () => {
    const references = await system.services.dmz.adminSql(
      'SELECT LOWER(HEX(patient_ref)) AS ref FROM portal.chart UNION SELECT LOWER(HEX(account_ref)) FROM portal.account',
    );
    const secretFiles = ['inside/keys', 'inside/secrets', 'dmz/secrets'].flatMap((name) =>
      readdirSync(join(dataDir, name))
        .filter((file) => /\.(key|password)$/.test(file))
        .map((file) => join(dataDir, name, file)),
    );
    const forbidden = [
      ...system.patients.flatMap(({ name, dateOfBirth }) => [...name.split(' '), dateOfBirth]),
      ...[patient.name, patient.password, patient.totpSecret, system.siteId],
      ...references.map(({ ref }) => String(ref)),
      ...secretFiles.map(readSecret),
    ].filter((word) => word.length > 3);
    expect(forbidden.length).toBeGreaterThan(20);
    const shown = files().flatMap(({ name, text }) =>
      forbidden.filter((word) => text.includes(word)).map((word) => `${name}: ${word}`),
    );
    expect(shown).toEqual([]);
  });

  it('has every package that npm installs for production in its list of components, and no other', () => {
    const text = readFileSync(join(folder, 'sbom.cdx.json'), 'utf8');
    const { components } = z.object({ components: z.array(Package) }).parse(JSON.parse(text));
    const root = repositoryRoot();
    const listed = spawnSync('npm', ['ls', '--all', '--omit=dev', '--parseable', '--long'], {
      cwd: root,
      encoding: 'utf8',
    });
    const installed = listed.stdout
      .trim()
      .split('\n')
      // What an install script has left behind belongs to nobody, and is for nobody.
      .filter((line) => !line.endsWith(':EXTRANEOUS'))
      .map((line) => line.slice(0, line.indexOf(':')))
      .filter((path) => path !== root)
      .map((path) => Package.parse(JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))));
    const named = (list: readonly Package[]): string[] =>
      [...new Set(list.map(({ name, version }) => `${name}@${version}`))].sort();
    expect(named(components)).toEqual(named(installed));
    expect(named(components).join(' ')).toMatch(/@nestjs\/core@.* svelte@/);
  });

  it('comes in the same order each time', async () => {
    const again = await rightsPart(system.services);
    expect(again.text).toBe(parts.find(({ name }) => name === again.name)?.text);
  });
});

describe('a part that does not hold says so', () => {
  it('for a row that outlived its rule and a table without one', async () => {
    const { dmz } = system.services;
    await dmz.adminSql(
      "INSERT INTO portal.throttle (bucket, failures, retry_at, updated_at) VALUES (UNHEX(REPEAT('ab', 32)), 1, '2020-01-01', '2020-01-01')",
    );
    await dmz.adminSql('CREATE TABLE portal.forgotten (id INT)');
    const { holds, finding } = await inventoryPart(dmz);
    await dmz.adminSql('DROP TABLE portal.forgotten');
    await dmz.adminSql("DELETE FROM portal.throttle WHERE updated_at = '2020-01-01'");
    expect(holds).toBe(false);
    expect(finding).toContain('without a rule: forgotten; overdue: throttle;');
    expect((await inventoryPart(dmz)).holds).toBe(true);
  });

  it('for a session without an end', async () => {
    const { dmz } = system.services;
    const asPortal = <T>(work: Parameters<typeof withRedis<T>>[3]): Promise<T> =>
      withRedis(dmz.redis, 'portal_api', readSecret(dmz.secretFile('portal_api')), work);
    await asPortal((redis) => redis.set('session:endless', 'x'));
    const { holds, finding } = await inventoryPart(dmz);
    await asPortal((redis) => redis.del('session:endless'));
    expect(holds).toBe(false);
    expect(finding).toContain('session:');
  });

  it('for a key that others may read', async () => {
    const file = join(dataDir, 'inside/keys/wrap.key');
    chmodSync(file, 0o444);
    const { holds, finding } = await keyRegisterPart(system.services);
    chmodSync(file, 0o400);
    expect(holds).toBe(false);
    expect(finding).toContain('inside/keys/wrap.key');
  });

  it('for a key that the register does not know', async () => {
    const file = join(dataDir, 'dmz/secrets/left-behind.key');
    writeFileSync(file, 'x', { mode: 0o400 });
    const { holds, finding } = await keyRegisterPart(system.services);
    rmSync(file);
    expect(holds).toBe(false);
    expect(finding).toContain('does not know: dmz/secrets/left-behind.key');
  });

  it('for a right too many', async () => {
    const { dmz } = system.services;
    await dmz.adminSql("GRANT DELETE ON portal.audit_entry TO 'portal_api'@'127.0.0.1'");
    const { holds, finding } = await rightsPart(system.services);
    await dmz.adminSql("REVOKE DELETE ON portal.audit_entry FROM 'portal_api'@'127.0.0.1'");
    expect(holds).toBe(false);
    expect(finding).toContain('dmz MariaDB');
  });
});
