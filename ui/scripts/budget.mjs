// Fails when the built page is larger than its budget, or holds what would make two builds differ.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = { js: 90, css: 12 };
const dist = new URL('../dist/', import.meta.url);
const sums = { js: 0, css: 0 };
let bad = false;
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: false })) {
  const kind = /\.(js|css)$/.exec(String(entry))?.[1];
  if (/\.map$/.test(String(entry))) {
    console.error(`budget: ${entry} is a source map`);
    bad = true;
  }
  if (!kind) continue;
  const bytes = readFileSync(new URL(String(entry), dist));
  sums[kind] += gzipSync(bytes, { level: 9 }).length / 1024;
  if (/sourceMappingURL|\/work\/|\/home\/|\/root\//.test(bytes.toString())) {
    console.error(`budget: ${entry} names a source map or a path of this machine`);
    bad = true;
  }
}
for (const [kind, most] of Object.entries(BUDGET)) {
  const line = `${kind.padEnd(3)} ${sums[kind].toFixed(1).padStart(5)} KB gzipped, budget ${most} KB`;
  if (sums[kind] > most || sums[kind] === 0) bad = true;
  console.log(sums[kind] > most ? `${line}: too large` : line);
}
process.exit(bad ? 1 : 0);
