/** What rows share in one run: the temporary folder, the large audience, the published shop. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AudienceImage } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import type { Measuring } from './row.js';
import { audienceOf, clients, playbookOf, publish } from './shop.js';

export interface Run extends Measuring {
  dispose(): void;
}

export interface RunOptions {
  readonly short: boolean;
  readonly customers?: number;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly tables?: string;
  readonly say: (line: string) => void;
}

export function startRun({ short, say, ...options }: RunOptions): Run {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-bench-'));
  const images = new Map<string, Promise<AudienceImage>>();
  let published: Promise<string> | undefined;
  const customers = options.customers ?? (short ? 100_000 : 10_000_000);
  const audience = (count: number, edition: 0 | 1 = 0) => {
    const key = `${count}/${edition}`;
    const known = images.get(key) ?? audienceOf(count, edition);
    images.set(key, known);
    return known;
  };
  return {
    short,
    rounds: options.rounds ?? (short ? 2 : 9),
    seconds: options.seconds ?? (short ? 1 : 2),
    customers,
    folder,
    ...(options.tables === undefined ? {} : { tables: options.tables }),
    say,
    audience,
    snapshots: () => {
      published ??= publishShop(join(folder, 'snapshots'), audience(customers));
      return published;
    },
    dispose: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

async function publishShop(folder: string, audience: Promise<AudienceImage>): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const publication = await openFileSnapshots({ folder });
  try {
    for (const [clientId, sampleRate] of [
      [clients.recorded, 1],
      [clients.unrecorded, 0.000001],
    ] as const) {
      await publish(publication, clientId, playbookOf(clientId, sampleRate));
      await publish(publication, clientId, await audience);
    }
  } finally {
    await publication.close();
  }
  return folder;
}
