import './typescript-hooks.mjs';

const { stopTestServices } = await import('../services/test-services.ts');

export default async function globalTeardown() {
  await stopTestServices(globalThis.testServicesOfThisRun);
}
