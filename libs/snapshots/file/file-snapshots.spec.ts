import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Position } from '#libs/event-log';
import { SnapshotCorrupt, SnapshotsUnavailable } from '../errors.js';
import { describeSnapshotPublication } from '../testing/publication.contract.js';
import { openFileSnapshots } from './file-snapshots.js';

describeSnapshotPublication('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-snapshots-'));
  return { open: () => openFileSnapshots({ folder }), close: () => rm(folder, { recursive: true }) };
});

describe('snapshots in files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-snapshots-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const publish = async (image: Uint8Array, position: number, clientId = 'golf') => {
    const publication = await openFileSnapshots({ folder });
    const builtAt = new Date(position * 1000).toISOString();
    return publication.publish({
      clientId,
      kind: 'audience',
      image,
      position: BigInt(position) as Position,
      builtAt,
      customers: 0,
      memberships: 0,
    });
  };
  const makeOld = async (part: string, hours: number) => {
    const then = new Date(Date.now() - hours * 3_600_000);
    for (const name of await readdir(join(folder, part))) await utimes(join(folder, part, name), then, then);
  };

  it('refuses an image whose file was damaged', async () => {
    const announced = await publish(randomBytes(100), 1);
    await writeFile(join(folder, 'images', announced.sha256), randomBytes(100));
    const publication = await openFileSnapshots({ folder });
    await expect(publication.fetch(announced)).rejects.toThrow(SnapshotCorrupt);
    await expect(publication.fetch({ ...announced, sha256: '../current' })).rejects.toMatchObject({ code: 'SNAPSHOT_MISSING' });
  });

  it('goes on from the generation before when a pointer is damaged, and puts it right', async () => {
    await publish(randomBytes(100), 1);
    const second = await publish(randomBytes(100), 2);
    await writeFile(join(folder, 'current', 'golf.audience.000000000003.json'), '{"clientId":"go');
    const publication = await openFileSnapshots({ folder });
    expect(await publication.current('golf', 'audience')).toEqual(second);
    const third = await publish(randomBytes(100), 3);
    expect(await publication.current('golf', 'audience')).toEqual(third);
  });

  it('keeps few generations of a pointer', async () => {
    const publication = await openFileSnapshots({ folder });
    await publish(randomBytes(100), 1);
    for (let position = 2n; position < 40n; position += 1n) await publication.progress('golf', 'audience', position as Position);
    expect((await readdir(join(folder, 'current'))).length).toBeLessThanOrEqual(9);
  });

  it('removes what was replaced longer ago than it is kept, never what is current', async () => {
    const first = await publish(randomBytes(100), 1);
    const publication = await openFileSnapshots({ folder });
    const put = {
      clientId: 'golf',
      base: first.version,
      sequence: 1,
      position: 1n as Position,
      builtAt: '1970-01-01T00:00:01.000Z',
      bytes: randomBytes(9),
    };
    await publication.publishIncrement(put);
    const second = await publish(randomBytes(100), 2);
    await makeOld('images', 71);
    await makeOld('versions', 71);
    const during = await openFileSnapshots({ folder });
    expect(await during.fetchVersion('golf', 'audience', first.version)).not.toBeNull();
    expect(await during.increments('golf', first.version, 0)).toEqual([put]);
    await makeOld('images', 73);
    await makeOld('versions', 73);
    const after = await openFileSnapshots({ folder });
    expect(await after.fetchVersion('golf', 'audience', first.version)).toBeNull();
    expect(await after.increments('golf', first.version, 0)).toEqual([]);
    expect(await readdir(join(folder, 'images'))).toEqual([second.sha256]);
    expect((await after.fetch(second)).length).toBe(100);
  });

  it('keeps a shared image for the client whose it still is', async () => {
    const image = randomBytes(100);
    await publish(image, 1, 'golf');
    const kept = await publish(image, 1, 'tennis');
    await publish(randomBytes(100), 2, 'golf');
    await makeOld('images', 100);
    await makeOld('versions', 100);
    expect(await (await openFileSnapshots({ folder })).fetch(kept)).toHaveLength(100);
  });

  it('forgets a node that does not renew its acknowledgement', async () => {
    const publication = await openFileSnapshots({ folder });
    const acknowledgement = {
      nodeId: 'n1',
      clientId: 'golf',
      kind: 'audience' as const,
      version: '0',
      position: 1n as Position,
      loadedAt: '',
    };
    await publication.acknowledge(acknowledgement);
    expect(await publication.acknowledgements('golf')).toEqual([acknowledgement]);
    await makeOld('nodes', 16 / 3600);
    expect(await publication.acknowledgements('golf')).toEqual([]);
  });

  it('says in one line that the folder cannot be used', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(openFileSnapshots({ folder: join(folder, 'file', 'below') })).rejects.toThrow(SnapshotsUnavailable);
  });
});
