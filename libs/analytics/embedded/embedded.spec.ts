import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EmbeddedClickHouse, startEmbeddedClickHouse } from './embedded.js';

async function ask(
  url: string,
  sql: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const { username, password, origin, search } = new URL(url);
  const answer = await fetch(`${origin}/${search}`, {
    method: 'POST',
    body: sql,
    headers: { ...(username ? { authorization: `Basic ${btoa(`${username}:${decodeURIComponent(password)}`)}` } : {}), ...headers },
  });
  return { status: answer.status, text: (await answer.text()).trim(), headers: answer.headers };
}

let folder: string;
let engine: EmbeddedClickHouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-engine-'));
  engine = await startEmbeddedClickHouse({
    folder,
    httpPort: 0,
    nativePort: 0,
    onExit: (reason) => console.error(reason),
    onLog: console.error,
  });
});
afterAll(async () => {
  await engine.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('embedded ClickHouse', () => {
  it('answers over plain HTTP', async () => {
    expect((await ask(engine.url, 'SELECT 1 + 1')).text).toBe('2');
    expect((await ask(engine.url, 'SELECT timezone()')).text).toBe('UTC');
  });
});
