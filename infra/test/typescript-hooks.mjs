/** Lets jest's global set-up, which runs outside jest's own transforms, import the TypeScript sources as they are. */
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformFileSync } from '@swc/core';

const OURS = /^file:.*\/(?!node_modules\/)[^/]+\.ts$/;

registerHooks({
  resolve(specifier, context, next) {
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
      jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: true } },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
