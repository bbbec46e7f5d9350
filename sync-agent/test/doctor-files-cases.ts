import { chmodSync, copyFileSync, rmSync, readdirSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SmallDisk } from 'infra/services/small-disk';
import { initKeys } from '../src/keys/key-files.js';
import type { DoctorUnderTest, Made, Misconfiguration } from './doctor-under-test.js';

const DAY = 86_400_000;

/** A copy of the key folder, spoiled. */
const spoiled =
  (spoil: (folder: string) => void) =>
  (inside: DoctorUnderTest): Made => {
    const folder = inside.keys();
    spoil(folder);
    return { environment: { KEY_DIR: folder } };
  };

/** The same root's keys, made some days ago, and again each time it says. */
const madeAgo =
  (...days: number[]) =>
  async (inside: DoctorUnderTest): Promise<Made> => {
    const folder = inside.keys(/^(root\.pub|openemr-client\..*)$/);
    inside.bringRoot(folder);
    for (const ago of days) {
      await initKeys(folder, inside.environment['SITE_ID'] ?? '', new Date(Date.now() - ago * DAY));
    }
    rmSync(join(folder, 'root.key'));
    return { environment: { KEY_DIR: folder } };
  };

/** A file of the installation with another mode for a while. */
const withMode =
  (mode: number, ...path: string[]) =>
  (inside: DoctorUnderTest): Made => {
    chmodSync(inside.path(...path), mode);
    return { undo: () => chmodSync(inside.path(...path), 0o400) };
  };

/** Keys of another installation. */
async function foreignKeys(inside: DoctorUnderTest, site: string): Promise<string> {
  const folder = inside.folder();
  await initKeys(folder, site);
  return folder;
}

/** The healthy keys on a disk of their own that has hardly room for more. */
function onFullDisk(inside: DoctorUnderTest): Made {
  const folder = inside.folder();
  const disk = SmallDisk.over(folder, 1);
  chmodSync(folder, 0o700);
  for (const name of readdirSync(inside.agent.config.keyDir)) {
    copyFileSync(join(inside.agent.config.keyDir, name), join(folder, name));
  }
  return {
    environment: { KEY_DIR: folder },
    undo: () => {
      disk[Symbol.dispose]();
    },
  };
}

export const FILES_CASES: readonly Misconfiguration[] = [
  {
    name: 'a disk that is nearly full',
    make: onFullDisk,
    finds: ['space-short'],
    says: /KEY_DIR has 0 MiB left/,
  },
  {
    name: 'a variable that is not set',
    make: () => ({ environment: { REDIS_HOST: undefined } }),
    finds: ['configuration-refused'],
    says: /^REDIS_HOST is not set$/,
  },
  {
    name: 'two variables: a placeholder and a file that is not there',
    make: () => ({ environment: { GATEWAY_NAME: 'changeme', READER_PASSWORD_FILE: '/nowhere' } }),
    finds: ['configuration-refused', 'configuration-refused'],
    says: /^GATEWAY_NAME still has a placeholder value$/,
  },
  {
    name: 'recipients that are no JSON',
    make: () => ({ environment: { POOLS: 'frontdesk' } }),
    finds: ['configuration-refused'],
    says: /^POOLS must be JSON/,
  },
  {
    name: 'a portal without TLS in production',
    make: () => ({ environment: { PORTAL_ORIGIN: 'http://portal.example.org' } }),
    finds: ['portal-origin-not-https'],
    says: /PORTAL_ORIGIN/,
  },
  {
    name: 'a password that everybody on the machine can read',
    make: withMode(0o444, 'secrets/agent_reader.password'),
    finds: ['secret-file-open'],
    says: /READER_PASSWORD_FILE.*mode 444/,
  },
  {
    name: "the agent's TLS key in the reach of a group",
    make: withMode(0o440, 'tls/agent.key'),
    finds: ['secret-file-open'],
    says: /AGENT_KEY_FILE.*mode 440/,
  },
  {
    name: 'no key folder',
    make: () => ({ environment: { KEY_DIR: '/nowhere/keys' } }),
    // OpenEMR's client key lies there, too.
    finds: ['key-folder-missing', 'api-key-damaged'],
    says: /KEY_DIR/,
  },
  {
    name: 'a key folder that others may enter',
    make: spoiled((folder) => chmodSync(folder, 0o755)),
    finds: ['key-folder-open'],
    says: /mode 755/,
  },
  {
    name: 'a wrap key that others may read',
    make: spoiled((folder) => chmodSync(join(folder, 'wrap.key'), 0o644)),
    finds: ['key-file-open'],
    says: /^wrap\.key .*mode 644/,
  },
  {
    name: 'statements that others may write',
    make: spoiled((folder) => chmodSync(join(folder, 'statements.json'), 0o666)),
    finds: ['key-file-open'],
    says: /^statements\.json .*mode 666/,
  },
  {
    name: 'a key that is gone',
    make: spoiled((folder) => {
      rmSync(join(folder, 'resource-id.key'));
    }),
    finds: ['key-file-missing'],
    says: /^resource-id\.key is not in the key folder$/,
  },
  {
    name: 'a key that was cut',
    make: spoiled((folder) => {
      rmSync(join(folder, 'wrap.key'));
      writeFileSync(join(folder, 'wrap.key'), 'short', { mode: 0o400 });
    }),
    finds: ['key-file-damaged'],
    says: /^wrap\.key/,
  },
  {
    name: 'the keys of another site of the same root',
    make: async (inside) => {
      const folder = inside.keys(/^(root\.pub|openemr-client\..*)$/);
      inside.bringRoot(folder);
      await initKeys(folder, randomUUID());
      rmSync(join(folder, 'root.key'));
      return { environment: { KEY_DIR: folder } };
    },
    finds: ['statement-refused'],
    says: /SITE_ID/,
  },
  {
    name: "another installation's root beside our statements",
    make: async (inside) => {
      const folder = inside.keys();
      copyOver(await foreignKeys(inside, inside.environment['SITE_ID'] ?? ''), folder, 'root.pub');
      return { environment: { KEY_DIR: folder } };
    },
    finds: ['statement-refused'],
    says: /root key/,
  },
  {
    name: 'keys that nobody vouches for',
    make: spoiled((folder) => {
      rmSync(join(folder, 'statements.json'));
      writeFileSync(join(folder, 'statements.json'), '[]', { mode: 0o400 });
    }),
    finds: ['signing-key-not-vouched', 'sealing-key-missing'],
    says: /signing key/,
  },
  {
    name: 'a signing key whose statement ends in ten days',
    make: madeAgo(1_085, 1),
    finds: ['signing-statement-ends-soon'],
    says: /ends at/,
  },
  {
    name: 'a sealing key whose statement has run out',
    make: madeAgo(130),
    finds: ['sealing-key-missing'],
    says: /no sealing key/,
  },
  {
    name: 'a sealing key that was never replaced',
    make: madeAgo(40),
    finds: ['sealing-key-old'],
    says: /newest sealing key/,
  },
  {
    name: 'a sealing key whose private half is gone',
    make: spoiled((folder) => {
      rmSync(join(folder, readdirSync(folder).find((name) => name.startsWith('agent-seal-')) ?? ''));
    }),
    finds: ['sealing-key-file-missing'],
    says: /agent-seal-[0-9a-f]{16}\.key is not/,
  },
  {
    name: 'a root key that was never taken away',
    make: (inside) => {
      const folder = inside.keys();
      inside.bringRoot(folder);
      return { environment: { KEY_DIR: folder } };
    },
    finds: ['root-key-present'],
    says: /root\.key/,
  },
  {
    name: 'a root key of another pair',
    make: async (inside) => {
      const folder = inside.keys();
      copyOver(await foreignKeys(inside, randomUUID()), folder, 'root.key');
      return { environment: { KEY_DIR: folder } };
    },
    finds: ['root-key-mismatch', 'root-key-present'],
    says: /not one pair/,
  },
  {
    name: 'a production system that is open to drills',
    make: spoiled((folder) => {
      writeFileSync(join(folder, 'drill-only'), '');
    }),
    finds: ['drill-allowed'],
    says: /drill-only/,
  },
  {
    name: 'an agent certificate that is none',
    make: (inside) => ({ environment: { AGENT_CERT_FILE: inside.file('no certificate') } }),
    finds: ['agent-certificate-damaged'],
    says: /AGENT_CERT_FILE/,
  },
  {
    name: 'an agent certificate that is over',
    make: (inside) => agentPair(inside, -1),
    finds: ['agent-certificate-over'],
    says: /valid from/,
  },
  {
    name: "an agent certificate with another certificate's key",
    make: (inside) => ({ environment: { AGENT_KEY_FILE: inside.pair({ name: 'sync-agent', days: 90 }).key } }),
    finds: ['agent-key-mismatch'],
    says: /not the key/,
  },
  {
    name: 'an agent certificate in its last days',
    make: (inside) => agentPair(inside, 5),
    finds: ['certificate-ends-soon'],
    says: /^the agent's certificate ends at/,
  },
];

function agentPair(inside: DoctorUnderTest, days: number): Made {
  const { cert, key } = inside.pair({ name: 'sync-agent', days });
  return { environment: { AGENT_CERT_FILE: cert, AGENT_KEY_FILE: key } };
}

function copyOver(from: string, to: string, name: string): void {
  rmSync(join(to, name), { force: true });
  copyFileSync(join(from, name), join(to, name));
}
