/** One pair of zones for all integration and end-to-end suites of a run; jest calls this only when one of them runs. */
import './typescript-hooks.mjs';

const { startTestServices } = await import('../services/test-services.ts');

export default async function globalSetup() {
  globalThis.testServicesOfThisRun = await startTestServices();
}
