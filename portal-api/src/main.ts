import 'reflect-metadata';
import { Logger } from 'nestjs-pino';
import { portalConfig } from './config.js';
import { createPortalApp } from './portal-app.js';

// A listener takes the signal's default away, which is to open the inspector.
process.on('SIGUSR1', () => undefined);

try {
  const config = portalConfig();
  const app = await createPortalApp(config);
  if (config.verificationOff === true) {
    app.get(Logger).error('a drill has switched a protection off: verification-off', 'start');
  }
  await app.listen(config.listen.port, config.listen.host);
  app.get(Logger).log({ msg: 'portal-api listens', address: await app.getUrl() }, 'start');
} catch (error: unknown) {
  process.stderr.write(`portal-api does not start: ${error instanceof Error ? error.message : 'unknown reason'}\n`);
  // Connections that were opened before the failure would keep the process.
  process.exit(1);
}
