import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tagScript } from '#libs/tag';
import { type Edge, type Folders, makeFolders, startEdge } from './testing/edge.js';

describe('GET /tag.js', () => {
  let folders: Folders;
  let edge: Edge;
  const { bytes, etag } = tagScript();
  const ask = (headers: Record<string, string> = {}, method = 'GET') => fetch(`${edge.url}/tag.js`, { method, headers });

  beforeAll(async () => {
    folders = await makeFolders();
    edge = await startEdge(folders);
  });
  afterAll(async () => {
    await edge.close();
    await folders.remove();
  });

  it('hands the tag to every page, for five minutes, as what it is', async () => {
    const answer = await ask();
    expect([answer.status, await answer.text()]).toEqual([200, bytes.toString('utf8')]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=300, stale-while-revalidate=86400',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
      etag,
    });
  });

  it('says when it is still the same', async () => {
    for (const known of [etag, `"other", ${etag}`, '*']) {
      const answer = await ask({ 'if-none-match': known });
      expect([answer.status, await answer.text(), answer.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await ask({ 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('is compressed for those who take it', async () => {
    const encodings = async (taken: string) => (await ask({ 'accept-encoding': taken }, 'HEAD')).headers.get('content-encoding');
    expect(await encodings('gzip, deflate, br')).toBe('gzip');
    expect(await encodings('br, gzip;q=0.5')).toBe('gzip');
    for (const none of ['identity', 'br', 'gzip;q=0', 'br, gzip; q=0.0']) expect(await encodings(none)).toBeNull();
    const raw = await fetch(`${edge.url}/tag.js`, { headers: { 'accept-encoding': 'gzip' } });
    expect(Buffer.from(await raw.arrayBuffer()).equals(bytes)).toBe(true);
    expect(gunzipSync(tagScript().gzipped).equals(bytes)).toBe(true);
  });

  it('answers HEAD without a body, and refuses to be changed', async () => {
    const head = await ask({ 'accept-encoding': 'identity' }, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, String(bytes.length), '']);
    expect((await ask({}, 'POST')).status).toBe(404);
  });
});
