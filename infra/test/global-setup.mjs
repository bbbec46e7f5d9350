/** A pair of zones for each worker of the integration and end-to-end suites; jest calls this only when one of them runs. */
import './typescript-hooks.mjs';

const { startTestServices } = await import('../services/test-services.ts');

export default async function globalSetup({ maxWorkers }) {
  globalThis.testServicesOfThisRun = await startTestServices(maxWorkers);
}
