import { mkdirSync, readFileSync } from 'node:fs';
import { BadEnvironment, readSimHttpSettings } from '../config.js';
import { startSimHttp } from './server.js';

/** The simulator's HTTP side as a program: listens until it is told to end. */
try {
  const settings = readSimHttpSettings();
  mkdirSync(settings.documentsDir, { recursive: true, mode: 0o700 });
  const running = await startSimHttp({
    ...settings,
    certificate: readFileSync(settings.certificateFile, 'utf8'),
    key: readFileSync(settings.keyFile, 'utf8'),
  });
  process.stdout.write(`OpenEMR SIMULATOR listens at ${running.url}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void running.close().then(() => process.exit(0));
    });
  }
} catch (error: unknown) {
  if (!(error instanceof BadEnvironment)) {
    throw error;
  }
  process.stderr.write(`OpenEMR SIMULATOR: ${error.message}\n`);
  process.exitCode = 1;
}
