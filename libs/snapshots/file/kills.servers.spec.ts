/** Builders in processes of their own, killed at any moment: what readers see stays whole and only goes forwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Announcement } from '../publication.js';
import { openFileSnapshots } from './file-snapshots.js';

const kills = 40;
const seed = Number(process.env.SEED ?? 20261123);

describe('snapshots in a folder under killed builders', () => {
  it(`stays whole through ${kills} kills of three builders (seed ${seed})`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-kills-'));
    let state = seed;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const builders: ChildProcess[] = [];
    let lines = 0;
    const start = (place: number) => {
      const script = join(process.cwd(), 'dist/libs/snapshots/testing/publisher-process.js');
      const builder = spawn(process.execPath, [script, folder, String(Math.floor(random() * 2 ** 31))], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      builder.stdout.on('data', (text: Buffer) => {
        lines += text.toString().split('\n').length - 1;
      });
      builders[place] = builder;
    };
    const reader = await openFileSnapshots({ folder });
    const seen: Announcement[] = [];
    const failures: Error[] = [];
    await reader.watch(
      { announced: (one) => seen.push(one), incremented: () => undefined, unavailable: (error) => failures.push(error) },
      new AbortController().signal,
    );
    try {
      for (const place of [0, 1, 2]) start(place);
      for (let kill = 0; kill < kills; kill += 1) {
        const until = lines + 5 + Math.floor(random() * 40);
        while (lines < until) await new Promise((resolve) => setTimeout(resolve, 1));
        const place = Math.floor(random() * 3);
        const killed = builders[place]!;
        killed.kill('SIGKILL');
        await once(killed, 'exit');
        const current = (await reader.current('faults', 'audience'))!;
        expect(await reader.fetch(current)).toHaveLength(20_000);
        const increments = await reader.increments('faults', current.version, 0);
        expect(increments.length).toBeGreaterThanOrEqual(current.increment);
        expect(increments.map(({ sequence }) => sequence)).toEqual(increments.map((_, index) => index + 1));
        start(place);
      }
    } finally {
      for (const builder of builders) builder.kill('SIGKILL');
      await reader.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
    expect(failures).toEqual([]);
    expect(seen.length).toBeGreaterThan(kills);
    const backwards = seen.filter((one, index) => index > 0 && one.position < seen[index - 1]!.position);
    expect(backwards).toEqual([]);
  });
});
