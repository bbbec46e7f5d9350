/** Lets a test start a program of this workspace from its sources: compiled as jest does it, imports go to the sources. */
import { registerHooks } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { transformFileSync } from '@swc/core';

const ROOT = resolve(import.meta.dirname, '../..');
const OURS = /^file:.*\/(?:sync-agent|sync-contract)\/src\/.*\.ts$/;
const CONTRACT = /^sync-contract\/(.*)$/;

registerHooks({
  resolve(specifier, context, next) {
    const contract = CONTRACT.exec(specifier)?.[1];
    if (contract !== undefined) {
      return next(pathToFileURL(resolve(ROOT, 'sync-contract/src', `${contract}.ts`)).href, context);
    }
    const fromOurs = context.parentURL !== undefined && OURS.test(context.parentURL);
    return fromOurs && /^\.{1,2}\/.*\.js$/.test(specifier)
      ? next(specifier.replace(/\.js$/, '.ts'), context)
      : next(specifier, context);
  },
  load(url, context, next) {
    if (!OURS.test(url)) {
      return next(url, context);
    }
    const { code } = transformFileSync(fileURLToPath(url), {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        keepClassNames: true,
      },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
