/** The infrastructure's own environment: where a test run's services are described, and whose they are. */
const NAME = 'TEST_SERVICES_FILE';

export function testServicesFile(): string {
  const file = process.env[NAME];
  if (file === undefined) {
    throw new Error(
      `${NAME} is not set: run this test through jest's project "integration", which starts the services.`,
    );
  }
  return file;
}

/** Which of jest's workers this process is, from 1. */
export function testWorker(): number {
  return Number(process.env['JEST_WORKER_ID'] ?? '1');
}

/** Tells this process and its later children (jest's workers) where the description lies. */
export function announceTestServices(file: string): void {
  process.env[NAME] = file;
}
