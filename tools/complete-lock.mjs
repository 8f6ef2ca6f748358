/**
 * Adds to package-lock.json the optional packages for other platforms that `npm install` left out, so that `npm ci` accepts the lock file.
 * Run after every `npm install`: `npm run lock`. Download addresses are removed: each machine uses its own registry.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
let added = 0;
for (const [place, entry] of Object.entries(lock.packages)) {
  delete entry.resolved;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${place ? `${place}/` : ''}node_modules/${name}`;
    if (lock.packages[`node_modules/${name}`] || lock.packages[nested]) continue;
    const platform = name.match(/(darwin|linux|win32|android|freebsd|openbsd|netbsd|sunos|aix|openharmony|wasm32|wasi)/)?.[1];
    const cpu = name.match(/(arm64|x64|ia32|arm|riscv64|ppc64|s390x|loong64|mips64el)/)?.[1];
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[\^~]/, ''),
      optional: true,
      ...(platform ? { os: [platform] } : {}),
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(entry.dev ? { dev: true } : {}),
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} optional packages added to package-lock.json`);
