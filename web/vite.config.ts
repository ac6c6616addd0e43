import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { outlinePlugin } from './scripts/outline.mjs';

export default defineConfig({
  plugins: [react(), outlinePlugin()],
  build: {
    target: 'es2022',
    manifest: true,
    // the policy allows no data: fonts or styles and no inline scripts
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
