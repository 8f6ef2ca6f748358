import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EsdbServer, startEsdbServer } from './server.js';

const root = process.cwd();
const reference = join(root, '../shared/reference/eventstoredb');

describe('the test server beside the real one', () => {
  let server: EsdbServer;
  beforeAll(async () => {
    server = await startEsdbServer();
  });
  afterAll(() => server.stopAbruptly());

  it('gives the unmodified client every answer that a real server gave', async () => {
    expect(existsSync(reference)).toBe(true);
    const asked = spawn(
      process.execPath,
      [join(reference, 'scenarios.mjs'), server.connectionString, '--compare', join(reference, 'answers.json')],
      { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    for await (const text of asked.stdout) said += String(text);
    expect(said.trim()).toBe('85 answers as known, 0 differ');
  });
});
