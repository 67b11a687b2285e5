// Builds twice and compares every byte: what is committed in ui/dist can be made again by anybody.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function build() {
  execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'error'], { cwd: root, stdio: 'inherit' });
  const files = readdirSync(`${root}/dist`, { recursive: true }).map(String).sort();
  return files
    .filter((file) => statSync(`${root}/dist/${file}`).isFile())
    .map((file) => `${createHash('sha256').update(readFileSync(`${root}/dist/${file}`)).digest('hex')}  ${file}`)
    .join('\n');
}

const [first, second] = [build(), build()];
console.log(first);
if (first !== second) {
  console.error('two builds differ');
  process.exit(1);
}
console.log('two builds are the same, byte for byte');
