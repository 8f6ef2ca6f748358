import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { describeSettings } from '#libs/settings';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');

describe('docs/operations.md', () => {
  it('lists all settings as they are; else run node tools/settings-table.mjs', () => {
    const rows = [...page.matchAll(/^\| `(VITRINE_\w+)` \| (.*) \| (?:`(.*)`)? ?\|$/gm)].map(([, name, about, fallback = '']) => [
      name,
      about,
      fallback,
    ]);
    expect(rows).toEqual(describeSettings({}).map(({ name, about, fallback }) => [name, about.replaceAll('|', '\\|'), fallback]));
  });

  it('names every metric that a process shows, and no other', () => {
    const sources = ['apps', 'libs'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => /(?<!\.spec)\.ts$/.test(path) && !path.includes('testing'))
        .map((path) => readFileSync(join(root, folder, path), 'utf8'))
        .filter((source) => source.includes("'prom-client'")),
    );
    const made = sources.flatMap((source) => source.match(/(?<=')vitrine_[a-z_]+(?=')/g) ?? []);
    expect([...new Set(page.match(/vitrine_[a-z_]+/g))].sort()).toEqual([...new Set(made)].sort());
  });
});
