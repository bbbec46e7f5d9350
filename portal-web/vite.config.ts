import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/**
 * Static output for the strict Content-Security-Policy of portal-api: no inline script, no inline style, no eval, no
 * data: assets but images; hence no module preload polyfill and no inlined files.
 */
export default defineConfig({
  plugins: [svelte()],
  base: './',
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
  },
});
