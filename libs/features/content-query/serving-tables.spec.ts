import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Announcement, playbookImage, type SnapshotListener, type SnapshotPublication, SnapshotsUnavailable } from '#libs/snapshots';
import {
  audienceImage,
  Builder,
  campaign,
  content,
  type Edge,
  type Folders,
  makeFolders,
  playbook,
  rule,
  startEdge,
  until,
} from './testing/edge.js';

const segmentIds = ['repeat', 'vip'];
/** A playbook whose answer to those in `repeat` is the named content. */
const showing = (contentId: string, rest = {}) =>
  playbook('golf', [content('plain'), content(contentId)], [campaign('spring', [rule('r', 1, { segmentId: 'repeat', contentId })])], rest);

let folders: Folders;
let builder: Builder;
let edge: Edge | undefined;

beforeEach(async () => {
  folders = await makeFolders();
  builder = await Builder.open(folders);
});
afterEach(async () => {
  await edge?.close();
  edge = undefined;
  await builder.publication.close();
  await folders.remove();
});

const start = async (options = {}, seen?: (publication: SnapshotPublication) => SnapshotPublication) => {
  edge = await startEdge(folders, options, seen);
  return edge;
};
/** Where nothing is published. */
const startEdgeAway = async () => {
  edge = await startEdge({ ...folders, snapshots: join(folders.root, 'an empty place') });
};
const ask = async (customer = 'ann', path = '/q/golf/spring') => {
  const response = await fetch(`${edge?.url}${path}?c=${customer}`);
  return { status: response.status, ...((await response.json()) as Record<string, never>) } as {
    status: number;
    code?: string;
    content?: { contentId: string };
    reason?: string;
    playbook?: string;
    audience?: string | null;
  };
};
const shows = async (contentId: string, customer = 'ann') => (await ask(customer)).content?.contentId === contentId;
const position = async (kind: Announcement['kind']) =>
  (await builder.publication.acknowledgements('golf')).find((one) => one.kind === kind)?.position;
const imageFile = (of: Announcement) => join(folders.snapshots, 'images', of.sha256);

describe('a node', () => {
  it('answers 503 before it has seen the pointers, 404 for what is not there after', async () => {
    await builder.playbook(showing('ten'));
    let away = true;
    const { tables } = await start({}, (publication) =>
      Object.assign(Object.create(publication) as SnapshotPublication, {
        watch: async (listener: SnapshotListener, signal: AbortSignal) => {
          if (away) throw new SnapshotsUnavailable('away');
          return publication.watch(listener, signal);
        },
      }),
    );
    expect(tables.ready()).toEqual(expect.any(String));
    for (const path of ['/q/golf/spring', '/q/tennis/spring'])
      expect(await ask('ann', path)).toMatchObject({ status: 503, code: 'NO_SNAPSHOT_YET' });
    expect((await fetch(`${edge?.url}/q/golf/spring`)).headers.get('retry-after')).toBe('1');
    expect((await fetch(`${edge?.url}/q/golf/spring`)).headers.getSetCookie()).toEqual([]);
    away = false;
    await until('the playbook is loaded', () => tables.of('golf') !== undefined);
    expect(tables.ready()).toBe(true);
    expect(await ask('ann', '/q/tennis/spring')).toMatchObject({ status: 404, code: 'CLIENT_UNKNOWN' });
    expect(await ask('ann', '/q/golf/autumn')).toMatchObject({ status: 404, code: 'CAMPAIGN_UNKNOWN' });
  });

  it('takes every customer for unknown while there is no audience, then knows them', async () => {
    await builder.playbook(showing('ten'));
    const { tables } = await start();
    await until('the playbook is loaded', () => tables.of('golf') !== undefined);
    expect(await ask()).toMatchObject({ status: 200, content: { contentId: 'plain' }, reason: 'DEFAULT', audience: null });
    const audience = await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    await until('the audience is loaded', () => shows('ten'));
    expect(await ask()).toMatchObject({ reason: 'TARGETING_MATCH', audience: audience.version });
    await until('both are acknowledged', async () => (await position('audience')) === audience.position);
    expect(await position('playbook')).toBe(1n);
  });

  it('serves the clients that it is to serve', async () => {
    await builder.playbook(showing('ten'));
    await builder.playbook({ ...showing('ten'), clientId: 'tennis' });
    const { tables } = await start({ clients: new Set(['golf']) });
    await until('the playbook is loaded', () => tables.of('golf') !== undefined);
    // Until it has seen all pointers it cannot know.
    await until('the other client is unknown', async () => (await ask('ann', '/q/tennis/spring')).status === 404);
  });

  it('answers from increments within moments, and from those it missed', async () => {
    await builder.playbook(showing('ten'));
    const image = await builder.audience('golf', segmentIds, { ann: [], bob: ['vip'] });
    await builder.increment(image, 1, segmentIds, { bob: ['repeat'] });
    await start();
    await until('the increment before the start is loaded', () => shows('ten', 'bob'));
    expect((await ask()).audience).toBe(`${image.version}+1`);
    expect((await ask()).content?.contentId).toBe('plain');
    // A set of segments that nobody had, for a customer whom the image does not hold.
    await builder.increment(image, 2, segmentIds, { new: ['repeat', 'vip'] });
    await until('the second increment is loaded', () => shows('ten', 'new'));
    await builder.increment(image, 3, segmentIds, { bob: [] });
    await until('the third increment is loaded', () => shows('plain', 'bob'));
    expect((await ask()).audience).toBe(`${image.version}+3`);
    const progressed = builder.next();
    await builder.publication.progress('golf', 'audience', progressed);
    await until('the progress is acknowledged', async () => (await position('audience')) === progressed);
  });

  it('starts from its disk when everything else is away, increments and all', async () => {
    const book = await builder.playbook(showing('ten'));
    const image = await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    await start();
    await until('the audience is loaded', () => shows('ten'));
    await builder.increment(image, 1, segmentIds, { eve: ['repeat'] });
    await until('the increment is loaded', () => shows('ten', 'eve'));
    await edge?.close();

    await startEdgeAway();
    expect(await ask('eve')).toMatchObject({ content: { contentId: 'ten' }, playbook: book.version, audience: `${image.version}+1` });
    expect(edge!.tables.ready()).toBe(true);
  });

  it('refuses what is damaged, goes on with the old, and takes the repaired one', async () => {
    const first = await builder.playbook(showing('ten'));
    await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    await start();
    await until('the audience is loaded', () => shows('ten'));

    // Damaged before it was published: only the formats' own checks can see it.
    const image = Buffer.from(playbookImage(showing('twenty')));
    image[image.indexOf('"twenty"') + 3]! ^= 1;
    await builder.publish('golf', 'playbook', image);
    const { bytes } = await audienceImage(segmentIds, { ann: [], bob: ['repeat'] });
    await builder.publish('golf', 'audience', bytes.subarray(0, bytes.length - 9));
    const refused = () => edge!.registry.metrics();
    await until('both are refused', async () =>
      /kind="playbook",code="SNAPSHOT_CORRUPT"(.|\n)*kind="audience",code="SNAPSHOT_CORRUPT"/.test(await refused()),
    );
    expect(await ask()).toMatchObject({ content: { contentId: 'ten' }, playbook: first.version });
    // What it holds is not what is announced: a campaign that it does not know may be there.
    expect(await ask('ann', '/q/golf/autumn')).toMatchObject({ status: 503 });

    await builder.playbook(showing('cash'));
    await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    await until('good ones are taken', () => shows('cash'));
    expect(await ask('ann', '/q/golf/autumn')).toMatchObject({ status: 404 });
  });

  it('refuses what was damaged on the way, tries again, and leaves out what is damaged on its disk', async () => {
    const first = await builder.playbook(showing('ten'));
    await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    await start();
    await until('the audience is loaded', () => shows('ten'));
    await edge?.close();

    const second = await builder.playbook(showing('twenty'));
    const whole = await readFile(imageFile(second));
    await writeFile(imageFile(second), whole.subarray(0, whole.length / 2));
    await start();
    expect(await ask()).toMatchObject({ content: { contentId: 'ten' }, playbook: first.version });
    await until('the cut image is refused', async () => /code="SNAPSHOT_CORRUPT"/.test(await edge!.registry.metrics()));
    expect(await ask()).toMatchObject({ status: 200, playbook: first.version });
    await writeFile(imageFile(second), whole);
    await until('the whole one is taken', () => shows('twenty'));
  });

  it('does not go back to an old builder’s snapshots when the publication was lost', async () => {
    const stale = {
      playbook: playbookImage(showing('old')),
      audience: (await audienceImage(segmentIds, { ann: [] })).bytes,
      builtAt: new Date(Date.now() - 60_000),
    };
    for (let skipped = 0; skipped < 10; skipped += 1) builder.next();
    await builder.playbook(showing('ten'));
    const image = await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    await start();
    await until('the audience is kept', async () => (await shows('ten')) && existsSync(join(folders.cache, 'kept', 'golf.audience.json')));
    await edge?.close();

    const lost = { ...folders, snapshots: join(folders.root, 'a new place') };
    const old = await Builder.open(lost);
    await old.publish('golf', 'playbook', stale.playbook, null, null, stale.builtAt);
    await old.publish('golf', 'audience', stale.audience, 1, 1, stale.builtAt);
    edge = await startEdge(lost);
    await until('both are refused', async () => {
      const metrics = await edge!.registry.metrics();
      return ['playbook', 'audience'].every((kind) => metrics.includes(`kind="${kind}",code="STALE_PUBLICATION"`));
    });
    expect(await ask()).toMatchObject({ content: { contentId: 'ten' }, audience: image.version });
    // Built after what the node has, though at a smaller position: the log began anew.
    await old.playbook(showing('new'));
    await old.audience('golf', segmentIds, { ann: ['repeat'], bob: [] });
    await until('what was built later is taken', () => shows('new'));
    await old.publication.close();
  });

  it('starts with what is whole on its disk, and mends the rest', async () => {
    await builder.playbook(showing('ten'));
    const image = await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    await start();
    const kept = join(folders.cache, 'images', `golf.audience.${image.version}`);
    await until('the audience is kept', () => existsSync(join(folders.cache, 'kept', 'golf.audience.json')));
    await edge?.close();
    const whole = await readFile(kept);
    await writeFile(kept, whole.subarray(0, whole.length - 1));

    await startEdgeAway();
    expect(await ask()).toMatchObject({ content: { contentId: 'plain' }, audience: null });
    await edge?.close();
    await start();
    await until('the audience is fetched', () => shows('ten'));
    await until('it is mended', async () => whole.equals(await readFile(kept)));
  });

  it('moves a client’s audiences between two places in memory, and takes large increments whole', async () => {
    await builder.playbook(showing('ten'));
    const { tables } = await start();
    const places = new Set<ArrayBufferLike>();
    const ids = Array.from({ length: 3000 }, (_, index) => `customer-${index}`);
    const all = (chosen: string[]) => Object.fromEntries(ids.map((id) => [id, chosen]));
    for (let round = 0; round < 4; round += 1) {
      const image = await builder.audience('golf', segmentIds, { ...all([]), [`round-${round}`]: ['repeat'] });
      await until('the audience is loaded', () => shows('ten', `round-${round}`));
      places.add(tables.of('golf')!.audience!.image.bytes.buffer);
      expect(await shows('plain', 'customer-7')).toBe(true);
      await builder.increment(image, 1, segmentIds, all(['repeat']));
      await builder.increment(image, 2, segmentIds, { 'customer-1': [] });
      await until('both increments are loaded', () => shows('plain', 'customer-1').then(async (is) => is && shows('ten', 'customer-2')));
      expect((await ask()).audience).toBe(`${image.version}+2`);
      expect(await shows('ten', 'customer-2999')).toBe(true);
    }
    expect(places.size).toBe(2);
  });

  it('gives the default content while the audience is too old', async () => {
    await builder.playbook(showing('ten', { snapshotMaxAgeSeconds: 60 }));
    await builder.audience('golf', segmentIds, { ann: ['repeat'] }, new Date(Date.now() - 61_000));
    const { tables } = await start();
    await until('the audience is loaded', () => tables.of('golf')?.audience != null);
    expect(await ask()).toMatchObject({ content: { contentId: 'plain' }, reason: 'STALE' });
    await builder.audience('golf', segmentIds, { ann: ['repeat'] });
    await until('the same audience, built now, is loaded', () => shows('ten'));
  });

  it('swaps under load without a failed or a mixed answer', async () => {
    // The n-th playbook shows `content-n`, and the n-th audience holds ann and customer-n.
    const ofVersion = new Map<string, string>();
    const members = (round: number) => ({ ann: ['repeat'], [`customer-${round}`]: ['repeat'] });
    const publish = async (round: number) => {
      ofVersion.set((await builder.playbook(showing(`content-${round}`))).version, `content-${round}`);
      return builder.audience('golf', segmentIds, members(round));
    };
    await publish(0);
    await start();
    await until('the first is loaded', () => shows('content-0'));
    let loading = true;
    let answers = 0;
    const mixed: unknown[] = [];
    const asking = Array.from({ length: 6 }, async () => {
      while (loading) {
        const answer = await ask();
        answers += 1;
        // The builder, the node and those who ask share this process: let the builder have a turn.
        await new Promise((resolve) => setTimeout(resolve, 2));
        const expected = ofVersion.get(answer.playbook ?? '');
        // The version may be published and answered from before this process has noted it.
        if (answer.status !== 200 || (expected !== undefined && answer.content?.contentId !== expected)) mixed.push(answer);
      }
    });
    try {
      for (let round = 1; round <= 6; round++) {
        const image = await publish(round);
        await builder.increment(image, 1, segmentIds, { [`late-${round}`]: ['repeat', 'vip'] });
        await until(
          `round ${round} is loaded`,
          async () => (await shows(`content-${round}`, `late-${round}`)) && shows(`content-${round}`, `customer-${round}`),
        );
      }
    } finally {
      loading = false;
      await Promise.all(asking);
    }
    expect(mixed).toEqual([]);
    expect(answers).toBeGreaterThan(100);
    expect(await shows('plain', 'customer-1')).toBe(true);
  });
});
