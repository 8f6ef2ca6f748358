import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openFileLog } from '#libs/event-log/file';
import { openSpool } from '#libs/spool';
import { removeSpool } from './left-behind.js';

describe('the folder of a spool that is empty', () => {
  let root: string;
  let folder: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'vitrine-left-'));
    folder = join(root, 'spool', 'n-w3');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const open = async () => {
    const log = await openFileLog({ folder: join(root, 'log') });
    const spool = await openSpool({ folder, node: 'n-w3', log });
    return { close: () => spool.close().then(() => log.close()) };
  };

  it('is removed', async () => {
    await (await open()).close();
    await removeSpool(folder);
    expect(existsSync(folder)).toBe(false);
  });

  it('stays when a process of its name has begun meanwhile', async () => {
    await (await open()).close();
    const { close } = await open();
    await removeSpool(folder);
    expect(existsSync(join(folder, 'lock'))).toBe(true);
    await close();
  });

  it('stays with facts that the log has refused, for whoever comes next', async () => {
    await (await open()).close();
    writeFileSync(join(folder, 'dead-letter.ndjson'), '{}\n');
    await removeSpool(folder);
    expect(existsSync(join(folder, 'dead-letter.ndjson'))).toBe(true);
    await (await open()).close();
  });
});
