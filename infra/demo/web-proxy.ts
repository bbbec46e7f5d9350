import { chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePublicCertificate } from '../services/certificates.js';
import { serverUser } from '../services/child-process.js';
import type { Place } from '../services/place.js';
import { ServerProcess } from '../services/server-process.js';
import type { Services } from '../services/services.js';
import { listenerOf } from '../zones/zones.js';
import { repositoryRoot } from './program.js';
import { completesTls } from './system-programs.js';

/** nginx before portal-api, with the configuration that production uses and a certificate of a private authority. */
export class WebProxy {
  private constructor(
    private readonly process: ServerProcess,
    /** PEM of the authority that browsers must trust here */
    readonly ca: string,
  ) {}

  static async prepare(
    { dataDir, dmz }: Services,
    settings: { publicName: string; portalPort: number; place: Place },
    onFailure: (error: Error) => void,
  ): Promise<WebProxy> {
    const user = serverUser();
    const folder = join(dmz.dir, 'proxy');
    const writable = join(folder, 'run');
    mkdirSync(join(folder, 'tls'), { recursive: true });
    mkdirSync(writable, { recursive: true });
    if (user) {
      chownSync(writable, user.uid, user.gid);
    }
    copyFileSync(join(repositoryRoot(), 'infra/proxy/nginx.conf'), join(folder, 'nginx.conf'));
    writeFileSync(join(folder, 'portal-api-address.conf'), `server 127.0.0.1:${String(settings.portalPort)};\n`);
    const ca = await ensurePublicCertificate(dataDir, 'dmz/proxy/tls/portal', settings.publicName, user);
    const { port } = listenerOf('web-proxy');
    const server = new ServerProcess(
      {
        title: 'nginx of the DMZ',
        program: 'nginx',
        args: ['-c', join(folder, 'nginx.conf'), '-p', writable, '-e', 'stderr'],
        folder: writable,
        logFile: join(dmz.dir, 'logs', 'nginx.log'),
        port,
        user,
        place: settings.place,
        probe: () => completesTls(settings.place.door(port)),
      },
      onFailure,
    );
    return new WebProxy(server, readFileSync(ca, 'utf8'));
  }

  start(): Promise<void> {
    return this.process.start();
  }

  stop(): Promise<void> {
    return this.process.stop();
  }
}
