import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventLogUnavailable } from '../event-log.js';
import { collect, event, events } from '../testing/given-events.js';
import { openFileLog } from './file-log.js';
import { openStore } from './store.js';
import { verifyLog } from './verify.js';

describe('a file log that is damaged or cannot be used', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-log-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const written = async () => {
    const log = await openFileLog({ folder });
    for (let n = 0; n < 20; n++) await log.append(`damaged-${n % 3}`, events(10, { data: { text: `mark${n}`.repeat(50) } }), 'any');
    await log.deleteStream('damaged-2', 'any');
    await log.close();
  };

  it('is verified whole when nothing is wrong, also empty', async () => {
    await (await openFileLog({ folder })).close();
    expect(await verifyLog({ folder })).toEqual({ events: 0, streams: 0, lastPosition: null, problemCount: 0, problems: [] });
    await written();
    expect(await verifyLog({ folder })).toEqual({ events: 200, streams: 3, lastPosition: 200n, problemCount: 0, problems: [] });
  });

  it.each([0.99, 0.5, 0.1])('refuses a file cut to %d of its length in one clear error', async (part) => {
    await written();
    const file = join(folder, 'data.mdb');
    const { length } = await readFile(file);
    await truncate(file, Math.floor(length * part));
    await expect(openFileLog({ folder })).rejects.toMatchObject({ code: 'LOG_CORRUPTED', message: expect.stringContaining('cut short') });
  });

  it('refuses a file that is something else', async () => {
    await writeFile(join(folder, 'data.mdb'), 'x'.repeat(20_000));
    await expect(openFileLog({ folder })).rejects.toMatchObject({ code: 'LOG_CORRUPTED' });
  });

  it('finds a flipped bit when it is read, and when it is verified', async () => {
    await written();
    const path = join(folder, 'data.mdb');
    const bytes = await readFile(path);
    const file = await open(path, 'r+');
    for (let at = bytes.indexOf('mark7mark7'); at >= 0; at = bytes.indexOf('mark7mark7', at + 5000))
      await file.write(Buffer.from('n'), 0, 1, at);
    await file.close();
    expect((await verifyLog({ folder })).problems).toContainEqual(
      expect.stringMatching(/event at position \d+ does not have its checksum/),
    );
    const log = await openFileLog({ folder });
    await expect(collect(log.readAll({ after: null }))).rejects.toMatchObject({ code: 'LOG_CORRUPTED' });
    await log.close();
  });

  it('finds damaged pages of the store without being ended by them', async () => {
    await written();
    const path = join(folder, 'data.mdb');
    const whole = await readFile(path);
    for (const at of [0, 18, 20, 24]) {
      const bytes = Buffer.from(whole);
      // A byte of each page behind the meta pages: its number, its kind, its bounds, its first entry.
      for (let page = 2 * 4096; page < bytes.length; page += 4096) bytes[page + at] = (bytes[page + at] as number) ^ 0x40;
      await writeFile(path, bytes);
      expect((await verifyLog({ folder })).problems).toContainEqual(expect.stringMatching(/^the store's page \d+ /));
    }
  });

  it('finds missing events and index entries when it is verified', async () => {
    await written();
    const store = openStore(folder, false);
    // Ten events stand at the position of their last.
    await store.events.remove(20);
    await store.revisions.remove([1, 29]);
    await store.byKind.remove([1, 40]);
    await store.root.close();
    const { problems, problemCount } = await verifyLog({ folder });
    expect(problemCount).toBe(problems.length);
    for (const expected of [
      'no event at positions 11 to 20',
      'position 70 is not in the index of its stream',
      'position 40 is not in the index of its kind',
    ])
      expect(problems).toContainEqual(expect.stringContaining(expected));
  });

  it('says that there is no log to read, or nowhere to write one', async () => {
    await expect(openFileLog({ folder: join(folder, 'none'), readOnly: true })).rejects.toBeInstanceOf(EventLogUnavailable);
    await expect(verifyLog({ folder: join(folder, 'none') })).rejects.toMatchObject({
      message: expect.stringContaining('there is no event log in'),
    });
    await writeFile(join(folder, 'file'), '');
    await expect(openFileLog({ folder: join(folder, 'file', 'log') })).rejects.toBeInstanceOf(EventLogUnavailable);
  });

  it('refuses appends when opened for reading, and sees those of others', async () => {
    const writer = await openFileLog({ folder });
    const reader = await openFileLog({ folder, readOnly: true });
    await expect(reader.append('a-b', events(1), 'any')).rejects.toBeInstanceOf(EventLogUnavailable);
    const given = event();
    await writer.append('a-b', [given], 'any');
    expect((await collect(reader.readAll({ after: null }))).map(({ id }) => id)).toEqual([given.id]);
    await reader.close();
    await writer.close();
    await expect(writer.append('a-b', events(1), 'any')).rejects.toBeInstanceOf(EventLogUnavailable);
  });
});
