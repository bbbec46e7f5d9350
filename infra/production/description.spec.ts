import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { listenerOf, PROCESSES, ZONES, type Zone } from '../zones/zones.js';
import { accountAddress, accountsSql, grantsSql } from './account-statements.js';
import { readersOfSecrets } from './compose-file.js';
import { describedFiles } from './describe.js';
import { ONE_OFFS, residents, SECRETS, SHARES } from './placement.js';
import { systemdUnits, unitName } from './systemd-units.js';

const ROOT = join(import.meta.dirname, '../..');
const COMPOSE: Record<Zone, string> = { dmz: 'docker-compose.dmz.yml', inside: 'infra/compose.inside.yml' };

const Service = z.object({
  image: z.string(),
  user: z.string(),
  entrypoint: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  networks: z.record(z.string(), z.object({ ipv4_address: z.string() })),
  secrets: z.array(z.object({ source: z.string(), target: z.string().optional() })),
  volumes: z.array(z.object({ type: z.string(), source: z.string(), read_only: z.boolean() })).default([]),
  tmpfs: z.array(z.string()),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  cap_add: z.array(z.string()).default([]),
  privileged: z.boolean().default(false),
  network_mode: z.string().optional(),
  security_opt: z.array(z.string()),
  mem_limit: z.string(),
  memswap_limit: z.string(),
  pids_limit: z.int(),
  cpus: z.number(),
  ulimits: z.object({ core: z.number() }),
  profiles: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()).optional(), disable: z.boolean().optional() }),
});
const ComposeFile = z.object({
  services: z.record(z.string(), Service),
  networks: z.record(
    z.string(),
    z.object({ internal: z.boolean().default(false), driver_opts: z.record(z.string(), z.string()) }),
  ),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
});

const committed = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const files = {
  dmz: ComposeFile.parse(parse(committed(COMPOSE.dmz))),
  inside: ComposeFile.parse(parse(committed(COMPOSE.inside))),
};
const services = ZONES.flatMap((zone) =>
  Object.entries(files[zone].services).map(([name, service]) => ({ zone, name, service })),
);

describe('the committed files', () => {
  it.each(Object.entries(describedFiles()))('%s is what its sources say; else run npm run describe', (path, text) => {
    expect(committed(path)).toBe(text);
  });

  it('hold nothing that no source describes any more', () => {
    const described = Object.keys(describedFiles());
    for (const folder of ZONES.map((zone) => `infra/production/${zone}`)) {
      expect(
        readdirSync(join(ROOT, folder))
          .map((name) => `${folder}/${name}`)
          .filter((path) => !described.includes(path)),
      ).toEqual([]);
    }
  });

  it('let the host run what it is to run', () => {
    for (const path of ['start-mariadb.sh', 'inside/agent-commands', 'dmz/accounts-backup']) {
      expect(statSync(join(ROOT, 'infra/production', path)).mode & 0o111).toBe(0o111);
    }
  });
});

describe('the guide', () => {
  it('builds every image that the containers start from', () => {
    const guide = committed('infra/production/README.md');
    const built = /for i in ([\w -]+); do\n.*-t openemr-dmz-portal\/\$i:(\S+) /.exec(guide);
    const images = built?.[1]?.split(' ').map((name) => `openemr-dmz-portal/${name}:${built[2] ?? ''}`);
    expect(images?.sort()).toEqual([...new Set(services.map(({ service }) => service.image))].sort());
  });
});

describe.each(services)('the container $name', ({ zone, service }) => {
  it('has nothing of the host and no right beyond its own user', () => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], cap_add: [], privileged: false });
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(service.network_mode).toBeUndefined();
    const [uid, gid] = service.user.split(':').map(Number);
    expect(uid).toBeGreaterThanOrEqual(10_000);
    expect(gid).toBe(uid);
    for (const each of service.tmpfs) {
      expect(each).toMatch(/:size=\d+m,mode=0700,.*noexec,nosuid,nodev$/);
    }
    for (const { type, source } of service.volumes) {
      expect(type).toBe('bind');
      expect(source).toMatch(/^\/var\/lib\/openemr-dmz-portal\/(mariadb|redis|keys|backups)$/);
    }
  });

  it('cannot take the host’s memory, processors or process numbers, is never swapped and leaves no core', () => {
    expect(service.mem_limit).toMatch(/^\d+m$/);
    expect(service.memswap_limit).toBe(service.mem_limit);
    expect(service.pids_limit).toBeGreaterThan(0);
    expect(service.cpus).toBeGreaterThan(0);
    expect(service.ulimits.core).toBe(0);
  });

  it('is looked after, unless it runs once', () => {
    if (service.profiles.length > 0) {
      expect(service.healthcheck.disable).toBe(true);
    } else {
      expect(service.healthcheck.test?.length).toBeGreaterThan(1);
    }
  });

  it('has an exact image', () => {
    expect(service.image).toMatch(/^openemr-dmz-portal\/[a-z-]+:\d+\.\d+\.\d+$/);
  });

  it('gets secrets as files, each with a declared source, and none by its environment', () => {
    for (const [name, value] of Object.entries(service.environment)) {
      if (/PASSWORD|SECRET|TOKEN|PEPPER|_KEY|CERT|_CA_/.test(name)) {
        expect([name, value]).toEqual([name, expect.stringMatching(/^\/run\/secrets\/[\w.-]+$/)]);
      }
      // 43 characters of base64url are what every secret here looks like; a PEM begins with dashes.
      expect(value).not.toMatch(/[\w-]{43,}|-----BEGIN/);
    }
    const declared = files[zone].secrets;
    for (const { source } of service.secrets) {
      expect(declared[source]?.file).toBe(`${SECRETS}/${source}`);
    }
    const named = Object.values(service.environment).flatMap(
      (value) => /^\/run\/secrets\/(.+)$/.exec(value)?.[1] ?? [],
    );
    expect(named.filter((name) => !service.secrets.some(({ source }) => source === name))).toEqual([]);
  });

  it('opens no inspector and writes no report when it is one of our programs', () => {
    if (service.entrypoint[0]?.endsWith('/node') === true) {
      expect(service.entrypoint).toEqual(expect.arrayContaining(['--disable-sigusr1', '--no-report-on-fatalerror']));
    }
  });
});

describe('the networks of the containers', () => {
  const opens = (from: string, to: string): boolean => {
    const process = Object.entries(PROCESSES).find(([name]) => name === from)?.[1];
    return process !== undefined && (process.opens as readonly string[]).includes(to);
  };

  it('join exactly those who open connections to each other', () => {
    for (const zone of ZONES) {
      const running = Object.entries(files[zone].services).filter(([, { profiles }]) => profiles.length === 0);
      for (const [a, first] of running) {
        for (const [b, second] of running.filter(([name]) => name > a)) {
          const meet = Object.keys(first.networks).some((name) => name in second.networks);
          // Both servers of a zone stand beside each client.
          const servers = [a, b].every((name) => /mariadb|redis/.test(name));
          expect([a, b, meet]).toEqual([a, b, servers || opens(a, b) || opens(b, a)]);
        }
      }
    }
  });

  it('lead out of the DMZ nowhere: all are internal but the two that are reached, and those have no address to go out under', () => {
    const open = Object.entries(files.dmz.networks).filter(([, { internal }]) => !internal);
    expect(open.map(([name]) => name).sort()).toEqual(['crossing', 'public']);
    for (const [, { driver_opts }] of open) {
      expect(driver_opts['com.docker.network.bridge.enable_ip_masquerade']).toBe('false');
    }
  });

  it('publish 443 of the web proxy, and 8443 of the gateway on the address that faces inside; nothing inside', () => {
    const published = services.flatMap(({ zone, name, service }) => service.ports.map((port) => [zone, name, port]));
    expect(published).toEqual([
      ['dmz', 'web-proxy', '443:443'],
      ['dmz', 'sync-gateway', expect.stringMatching(/^\$\{INSIDE_FACING_ADDRESS:\?[^}]+\}:8443:8443$/)],
    ]);
    expect([listenerOf('web-proxy').port, listenerOf('sync-gateway').port]).toEqual([443, 8443]);
  });
});

describe('users, secrets and accounts', () => {
  it('have a number each', () => {
    const numbers = [...Object.values(SHARES), ...Object.values(ONE_OFFS)].map(({ uid }) => uid);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('leave no secret with two readers: several read only certificates and public keys', () => {
    for (const zone of ZONES) {
      for (const [name, readers] of readersOfSecrets(zone)) {
        expect([name, readers.size > 1 && !/\.(crt|pub)$/.test(name)]).toEqual([name, false]);
      }
    }
  });

  it('keep the ledger’s owner and the migrations’ account from every process that stays', () => {
    for (const { service } of services.filter((each) => each.service.profiles.length === 0)) {
      expect(service.secrets.map(({ source }) => source)).not.toEqual(expect.arrayContaining(['migrate.password']));
      expect(service.secrets.map(({ source }) => source)).not.toEqual(
        expect.arrayContaining(['ledger_owner.password']),
      );
    }
  });

  it('let an account come from its process’s address only', () => {
    const { 'portal-api': portal, 'sync-gateway': gateway, migrate } = files.dmz.services;
    expect(accountAddress('portal_api', 'compose')).toBe(portal?.networks['portal-data']?.ipv4_address);
    expect(accountAddress('sync_gateway', 'compose')).toBe(gateway?.networks['gateway-data']?.ipv4_address);
    expect(accountAddress('migrate', 'compose')).toBe(migrate?.networks['portal-data']?.ipv4_address);
    expect(grantsSql('systemd')).not.toMatch(/@'(?!127\.0\.0\.1')/);
  });

  it('put no password into the statements', () => {
    expect(accountsSql('compose', (account) => `plain-${account}`)).not.toContain('plain-');
  });
});

describe.each(ZONES.flatMap((zone) => residents(zone).map((name) => ({ zone, name }))))(
  'the unit of $name',
  ({ zone, name }) => {
    const unit = systemdUnits(zone)[unitName(name)] ?? '';

    it('runs unprivileged, walled in and limited, with secrets as credentials', () => {
      for (const line of [
        `User=${SHARES[name].user}`,
        'NoNewPrivileges=yes',
        'ProtectSystem=strict',
        'SystemCallFilter=@system-service',
        'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6',
        'LimitCORE=0',
        'MemorySwapMax=0',
      ]) {
        expect(unit.split('\n')).toContain(line);
      }
      expect(unit).toMatch(/^MemoryMax=\d+M$/m);
      expect(unit).not.toMatch(/^Environment="[^"]*(PASSWORD|_KEY|PEPPER)[^"]*=(?!%d\/|\/var\/lib\/)/m);
    });

    it('reaches nobody beyond its host when it is of the DMZ and not the web proxy, which answers the internet', () => {
      if (zone === 'dmz' && name !== 'web-proxy') {
        expect(unit).toMatch(/^IPAddressDeny=any\nIPAddressAllow=localhost$/m);
      }
    });
  },
);
