/** Prints .env.example with a random value for each empty secret: `node tools/compose-env.mjs > .env`, once; new values would be other secrets. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
process.stdout.write(example.replaceAll(/^([A-Z][A-Z0-9_]*)=$/gm, (_, name) => `${name}=${randomBytes(24).toString('hex')}`));
