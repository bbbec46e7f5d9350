import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repositoryRoot } from 'infra/demo/program';
import { composeFile } from 'infra/production/compose-file';
import { hostFirewall } from 'infra/production/host-firewall';
import { OF_THE_INSTALLATION } from 'infra/production/program-environments';
import { systemdUnits } from 'infra/production/systemd-units';
import { issueOwnLink } from 'infra/services/certificates';
import { bareEnvironment, run, serverUser } from 'infra/services/child-process';
import { testServices } from 'infra/services/test-services';
import { ZONES } from 'infra/zones/zones';

/** systemd's own scale: 0 is sealed, 10 is bare. */
const MOST_EXPOSED = 1.7;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'odp-production-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** In a network of its own, where it may do everything: nothing of the machine's network is seen or touched. */
function apart(program: string, args: string[]): Promise<string> {
  const rights = serverUser() === null ? ['--map-current-user', '--keep-caps'] : [];
  return run('unshare', ['--net', ...rights, program, ...args], { env: bareEnvironment(folder) });
}

describe.each(ZONES)('the tools of the %s’s host read', (zone) => {
  it('the compose file, and refuse it when a value of the installation is not set', async () => {
    const file = join(folder, `${zone}.yml`);
    writeFileSync(file, composeFile(zone));
    const values = [...OF_THE_INSTALLATION[zone], 'INSIDE_FACING_ADDRESS'].map((name): [string, string] => [
      name,
      '192.0.2.1',
    ]);
    const config = (env: Record<string, string>): Promise<string> =>
      run('docker-compose', ['-f', file, 'config'], { env: { ...bareEnvironment(folder), ...env } });
    expect(await config(Object.fromEntries(values))).toContain('read_only: true');
    await expect(config({})).rejects.toThrow('set SITE_ID in the environment file');
  });

  it('the rules of the firewall, more than once', async () => {
    const file = join(folder, `${zone}.nft`);
    writeFileSync(file, hostFirewall(zone));
    const loaded = await apart('sh', ['-c', `nft -f ${file} && nft -f ${file} && nft list ruleset`]);
    expect(loaded.match(/policy drop;/g)).toHaveLength(3);
    expect(loaded.match(/chain input/g)).toHaveLength(1);
  });

  it('the units, and find little exposed', async () => {
    const root = join(folder, `${zone}-root`);
    const units = Object.entries(systemdUnits(zone)).filter(([name]) => name.endsWith('.service'));
    const paths = units.map(([name, text]) => {
      const path = join(root, 'etc/systemd/system', name);
      place(path, text, 0o644);
      // What a unit starts must exist to be found right.
      place(join(root, /^ExecStart=(\S+)/m.exec(text)?.[1] ?? ''), '#!/bin/sh\n');
      return path;
    });
    for (const target of ['sysinit', 'basic', 'shutdown', 'multi-user', 'network']) {
      place(join(root, `etc/systemd/system/${target}.target`), '[Unit]\nDescription=Given by systemd\n', 0o644);
    }
    for (const path of paths) {
      const said = await run(
        'systemd-analyze',
        ['security', '--offline=true', '--no-pager', `--threshold=${String(MOST_EXPOSED * 10)}`, path],
        { env: bareEnvironment(folder) },
      );
      expect(said).toContain('Overall exposure level');
    }
    const verified = await run(
      'sh',
      [
        '-c',
        `systemd-analyze verify --man=no --root=${root} ${units.map(([name]) => name).join(' ')} 2>&1 | grep -E 'odp-' || true`,
      ],
      {
        env: bareEnvironment(folder),
      },
    );
    expect(verified).toBe('');
  });
});

describe('nginx', () => {
  it('reads the web proxy’s configuration with the address of portal-api beside it', async () => {
    const settings = join(folder, 'web-proxy');
    mkdirSync(join(settings, 'tls'), { recursive: true });
    const production = join(repositoryRoot(), 'infra/production/dmz');
    cpSync(join(repositoryRoot(), 'infra/proxy/nginx.conf'), join(settings, 'nginx.conf'));
    cpSync(testServices().dmz.dir + '/tls/gateway.crt', join(settings, 'tls/portal.crt'));
    cpSync(testServices().dmz.dir + '/tls/gateway.key', join(settings, 'tls/portal.key'));
    for (const name of ['portal-api-address.conf', 'portal-api-in-containers.conf']) {
      cpSync(join(production, name), join(settings, 'portal-api-address.conf'));
      // It opens its standard output by name, which the system allows for a pipe and not for a socket.
      const said = await apart('sh', ['-c', `nginx -t -c ${join(settings, 'nginx.conf')} -p ${folder}/ 2>&1 | cat`]);
      expect(said).toContain('test is successful');
    }
  });
});

describe('certificates of a host’s own servers', () => {
  it('leave no key behind that could sign another, and are kept while they are good', async () => {
    const secrets = join(folder, 'own-link');
    mkdirSync(secrets);
    expect(await issueOwnLink('dmz', secrets, ['mariadb', 'redis'])).toBe(true);
    await expect(run('ls', [join(secrets, 'dmz-ca.key')], { env: {} })).rejects.toThrow('No such file');
    await run('openssl', ['verify', '-CAfile', join(secrets, 'dmz-ca.crt'), join(secrets, 'redis.crt')], { env: {} });
    expect(await issueOwnLink('dmz', secrets, ['mariadb', 'redis'])).toBe(false);
  });
});

function place(path: string, text: string, mode = 0o755): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}
