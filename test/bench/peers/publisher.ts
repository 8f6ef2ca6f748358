/**
 * Stands for the snapshot builder, which is another machine: a process that publishes what it is told, at the lowest priority, and says when the node has it.
 * Arguments: the folder of the publication, the node's folder, the client. A message names an audience that was published before.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Position } from '#libs/event-log';
import { openFileSnapshots } from '#libs/snapshots/file';

export interface Publish {
  readonly version: string;
  readonly position: number;
  readonly customers: number;
  readonly memberships: number;
}

/** Milliseconds from the announcement until the node answers by it, and until it is on the node's disk. */
export interface Published {
  readonly loadedMs: number;
  readonly keptMs: number;
}

const [folder, nodeFolder, clientId] = process.argv.slice(2) as [string, string, string];
const publication = await openFileSnapshots({ folder });
const images = new Map<string, Uint8Array>();
const lookMs = 5;
const patienceMs = 60_000;

process.on('message', async ({ version, position, ...counts }: Publish) => {
  const image = images.get(version) ?? (await publication.fetchVersion(clientId, 'audience', version));
  if (image === null) throw new Error(`${version} was never published`);
  images.set(version, image);
  const said = { clientId, position: BigInt(position) as Position, builtAt: new Date().toISOString() };
  await publication.publish({ ...said, kind: 'audience', image, ...counts });
  const announced = performance.now();
  const loadedMs = await since(announced, async () =>
    (await publication.acknowledgements(clientId)).some((one) => one.version === version && one.position >= said.position),
  );
  const keptMs = await since(announced, async () => kept()?.includes(version) === true);
  process.send?.({ loadedMs, keptMs } satisfies Published);
});
process.on('disconnect', () => void publication.close());

async function since(began: number, holds: () => Promise<boolean>): Promise<number> {
  while (!(await holds())) {
    if (performance.now() - began > patienceMs) throw new Error(`the node of ${nodeFolder} does not take what was published`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  return performance.now() - began;
}

let keptPath: string | undefined;

/** What the node's disk says of its audience. */
function kept(): string | undefined {
  const name = `${clientId}.audience.json`;
  keptPath ??= readdirSync(nodeFolder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(join('kept', name)))
    .map((path) => join(nodeFolder, path))[0];
  return keptPath === undefined ? undefined : readFileSync(keptPath, 'utf8');
}
