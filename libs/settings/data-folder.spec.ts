import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { openDataFolder } from './data-folder.js';

const folder = mkdtempSync(join(tmpdir(), 'vitrine-folder-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the data folder', () => {
  it('is made with its parents, for its owner only, and opened again', () => {
    const path = join(folder, 'a', 'b');
    expect(openDataFolder(path).log).toBe(join(path, 'log'));
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(openDataFolder(path).path).toBe(path);
  });

  it('keeps what was generated once', () => {
    const { kept } = openDataFolder(folder);
    expect(kept('secret', () => 'first')).toBe('first');
    expect(kept('secret', () => 'second')).toBe('first');
    expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600);
  });

  it('is refused in one line where it cannot be', () => {
    writeFileSync(join(folder, 'file'), '');
    for (const path of ['/proc/vitrine', join(folder, 'file'), join(folder, 'file', 'below'), '/dev/null/below']) {
      expect(() => openDataFolder(path)).toThrow(/^VITRINE_DATA: \S+ is not a folder that can be written \([A-Z]+\)$/);
    }
  });
});
