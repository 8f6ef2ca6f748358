/** Writes the table of all settings into docs/operations.md: `npm run build && node tools/settings-table.mjs`. A test compares the two. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describeSettings } from '../dist/libs/settings/index.js';

const path = new URL('../docs/operations.md', import.meta.url);
const cell = (text) => text.replaceAll('|', '\\|');
const rows = describeSettings({}).map(
  ({ name, about, fallback }) => `| \`${name}\` | ${cell(about)} | ${fallback === '' ? '' : `\`${fallback}\``} |`,
);
const table = ['| setting | meaning | default |', '| --- | --- | --- |', ...rows].join('\n');
const text = readFileSync(path, 'utf8');
writeFileSync(
  path,
  text.replace(/(<!-- settings:.*-->\n)[\s\S]*(<!-- \/settings -->)/, (_, begin, end) => `${begin}\n${table}\n\n${end}`),
);
