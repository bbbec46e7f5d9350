import 'reflect-metadata';
import { Logger } from 'nestjs-pino';
import { createGateway } from './gateway/gateway-app.js';
import { gatewayConfig } from './gateway-config.js';

// A listener takes the signal's default away, which is to open the inspector.
process.on('SIGUSR1', () => undefined);

try {
  const config = gatewayConfig();
  const app = await createGateway(config);
  await app.listen(config.listen.port, config.listen.host);
  app.get(Logger).log({ msg: 'sync-gateway listens', address: await app.getUrl() }, 'start');
} catch (error: unknown) {
  process.stderr.write(`sync-gateway cannot start: ${error instanceof Error ? error.message : 'unknown reason'}\n`);
  // Connections that were opened before the failure would keep the process.
  process.exit(1);
}
