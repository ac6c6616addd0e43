import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { outlinePlugin } from './scripts/outline.mjs';
import { themePlugin } from './scripts/theme.mjs';
import { theme, variables } from './src/styles/theme';

export default defineConfig({
  plugins: [react(), outlinePlugin(), themePlugin(theme, variables)],
  build: {
    target: 'es2022',
    manifest: true,
    // the policy allows no data: fonts or styles and no inline scripts
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // all that the first page needs in one file: forty small ones cost a slow line half a second
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'first', tags: ['$initial'] }] } } },
  },
});
