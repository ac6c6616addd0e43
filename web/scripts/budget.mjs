// What a first visit loads, compressed as the server sends it; past the budget the build fails.
import { readFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';

const budget = { js: 185, css: 30 };
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist)));
const files = { js: new Set(), css: new Set() };

function take(key) {
  const chunk = manifest[key];
  if (files.js.has(chunk.file)) return;
  files.js.add(chunk.file);
  for (const css of chunk.css ?? []) files.css.add(css);
  for (const next of chunk.imports ?? []) take(next);
}
for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry) take(key);

let over = false;
for (const [kind, names] of Object.entries(files)) {
  let size = 0;
  for (const name of names) size += brotliCompressSync(readFileSync(new URL(name, dist))).length;
  const kb = size / 1000;
  over ||= kb > budget[kind];
  console.log(`initial ${kind}: ${kb.toFixed(1)} KB brotli of ${budget[kind]}`);
}
if (over) {
  console.error('past the budget: load something later');
  process.exit(1);
}
