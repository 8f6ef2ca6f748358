import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UploadStore, UploadTooLarge } from './upload-store.js';

const owner = { clientId: 'golf', keyId: 'k1' };

describe('uploads', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-uploads-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are kept with their owner until removed', async () => {
    const store = new UploadStore(join(folder, 'new'), 1000);
    const upload = await store.put(Readable.from([Buffer.from('a,b\n'), Buffer.from('1,2\n')]), owner, 'orders.csv');
    expect(upload).toMatchObject({ owner, fileName: 'orders.csv', bytes: 8 });
    const again = await new UploadStore(join(folder, 'new'), 1000).get(upload.uploadId);
    expect(again).toEqual(upload);
    expect(readFileSync(upload.path, 'utf8')).toBe('a,b\n1,2\n');
    await store.remove(upload.uploadId);
    expect(await store.get(upload.uploadId)).toBeUndefined();
    expect(readdirSync(join(folder, 'new'))).toEqual([]);
  });

  it('of just the limit are taken, larger ones and broken ones leave nothing', async () => {
    const store = new UploadStore(folder, 8);
    await store.remove((await store.put(Readable.from([Buffer.alloc(8)]), owner, 'a')).uploadId);
    await expect(store.put(Readable.from([Buffer.alloc(8), Buffer.alloc(1)]), owner, 'a')).rejects.toThrow(UploadTooLarge);
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(4);
        throw new Error('the connection was cut');
      })(),
    );
    await expect(store.put(broken, owner, 'a')).rejects.toThrow('the connection was cut');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('have ids that lead nowhere else', async () => {
    writeFileSync(join(folder, 'x.json'), '{}');
    const store = new UploadStore(join(folder, 'uploads'), 8);
    for (const id of ['', '../x', 'x', '..', '/etc/passwd', '0'.repeat(36)]) {
      expect(await store.get(id)).toBeUndefined();
      await store.remove(id);
    }
    expect(existsSync(join(folder, 'x.json'))).toBe(true);
  });

  it('that nobody needs are removed in time', async () => {
    const store = new UploadStore(folder, 8);
    await store.removeOlder(1000, new Set(), new Date());
    const [kept, old] = [await store.put(Readable.from([]), owner, 'a'), await store.put(Readable.from([]), owner, 'b')];
    await store.removeOlder(1000, new Set(), new Date());
    expect(await store.get(old.uploadId)).toEqual(old);
    await store.removeOlder(1000, new Set([kept.uploadId]), new Date(Date.now() + 2000));
    expect([await store.get(old.uploadId), await store.get(kept.uploadId)]).toEqual([undefined, kept]);
  });
});
