import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { type Codec, type Criteria, clientCodec, contentCodec, segmentCodec, snapshotCodec, snapshotStream } from '#libs/domain';
import type { EventLog, Position } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { readPlaybook, type SnapshotPublication } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { BuilderMetrics } from './metrics.js';
import { SnapshotBuilder } from './snapshot-builder.js';
import { TablesInMemory } from './testing/tables-in-memory.js';

const settings = { name: 'Shop', timeZone: 'UTC', origins: [], sampleRate: 1, snapshotIntervalSeconds: 900, snapshotMaxAgeSeconds: null };

describe('the snapshot builder', () => {
  let folder: string;
  let log: EventLog;
  let publication: SnapshotPublication;
  let tables: TablesInMemory;
  let registry: Registry;
  let builder: SnapshotBuilder;
  let reports: string[];
  let failures: unknown[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-builder-'));
    log = await openFileLog({ folder: join(folder, 'log') });
    publication = await openFileSnapshots({ folder: join(folder, 'snapshots') });
    tables = new TablesInMemory();
    // The projector of this test is always done.
    tables.projectedTo = async () => {
      tables.upTo = await log.lastPosition();
      return tables.upTo;
    };
    reports = [];
    failures = [];
    builder = newBuilder();
  });
  afterEach(async () => {
    await builder.stop();
    await publication.close();
    await log.close();
    await rm(folder, { recursive: true });
  });

  const newBuilder = () => {
    registry = new Registry();
    const clock = () => new Date();
    const metrics = new BuilderMetrics(registry, clock);
    const report = (message: string) => reports.push(message);
    const failed = (error: unknown) => failures.push(error);
    return new SnapshotBuilder({ log, analytics: tables, publication, metrics, clock, options: { incrementSeconds: 0.2 }, report, failed });
  };
  const append = async <Event>(stream: string, clientId: string, codec: Codec<Event>, event: Event): Promise<Position> => {
    const { type, schema, data } = codec.encode(event);
    return (await log.append(stream, [{ id: randomUUID(), type, data, metadata: { schema, clientId, actor: 'system' } }], 'any')).position;
  };
  const register = (clientId: string) =>
    append(`client-${clientId}`, clientId, clientCodec, { type: 'ClientRegistered', clientId, currency: 'EUR', ...settings });
  const define = (clientId: string, segmentId: string, criteria: Criteria) =>
    append(`segment-${clientId}.${segmentId}`, clientId, segmentCodec, { type: 'SegmentDefined', segmentId, name: segmentId, criteria });
  const reached = async (clientId: string, position: Position, kinds: readonly ('audience' | 'playbook')[] = ['playbook', 'audience']) => {
    for (const kind of kinds) {
      await until(
        async () => ((await publication.current(clientId, kind))?.position ?? 0n) >= position,
        `${kind} of ${clientId} at ${position}`,
      );
    }
  };
  const published = async (clientId: string, kind: 'audience' | 'playbook') => {
    let count = 0;
    for await (const event of log.readStream(snapshotStream(clientId, kind))) count += event.type === 'SnapshotPublished' ? 1 : 0;
    return count;
  };

  /** What was written into the log about snapshots is reached as well, and then nothing more is written. */
  const quiet = async (clientId: string) => {
    let last = 0n;
    await until(async () => {
      const now = (await log.lastPosition())!;
      await reached(clientId, now);
      const still = now === last && (await published(clientId, 'audience')) > 0 && (await published(clientId, 'playbook')) > 0;
      last = now;
      return still;
    }, 'a quiet log');
  };

  it('publishes an empty playbook and an empty audience when a client is registered', async () => {
    await builder.start();
    await reached('golf', await register('golf'));
    const playbook = readPlaybook(await publication.fetch((await publication.current('golf', 'playbook'))!));
    expect(playbook).toMatchObject({ clientId: 'golf', contents: {}, campaigns: {} });
    expect(await publication.current('golf', 'audience')).toMatchObject({ customers: 0, memberships: 0 });
  });

  it('publishes again what another builder announced and took with it when it went', async () => {
    await builder.start();
    await reached('golf', await register('golf'));
    await quiet('golf');
    await builder.stop();
    const before = await published('golf', 'playbook');
    for (const image of await readdir(join(folder, 'snapshots', 'images'))) await rm(join(folder, 'snapshots', 'images', image));
    builder = newBuilder();
    await builder.start();
    for (const kind of ['playbook', 'audience'] as const) {
      await until(async () => {
        const announced = (await publication.current('golf', kind))!;
        return publication.fetch(announced).then(
          () => true,
          () => false,
        );
      }, `the ${kind} is to be had again`);
    }
    // The same playbook: nothing new to say of it in the log.
    expect(await published('golf', 'playbook')).toBe(before);
  });

  it('publishes what changed at once, and once for changes that follow one another', async () => {
    await register('golf');
    await builder.start();
    await quiet('golf');
    const content = {
      type: 'ContentRegistered' as const,
      contentType: 'text' as const,
      address: null,
      destination: null,
      width: null,
      height: null,
      alt: null,
    };
    let position = 0n as Position;
    for (const contentId of ['a', 'b', 'c']) {
      position = await append(`content-golf.${contentId}`, 'golf', contentCodec, { ...content, contentId, body: contentId } as never);
    }
    await reached('golf', position);
    const playbook = readPlaybook(await publication.fetch((await publication.current('golf', 'playbook'))!));
    expect(Object.keys(playbook.contents)).toEqual(['a', 'b', 'c']);
    expect(await published('golf', 'playbook')).toBeLessThanOrEqual(3);
    expect(await published('golf', 'audience')).toBe(1);
    const version = (await publication.current('golf', 'audience'))!.version;
    await reached('golf', await define('golf', 'everyone', { all: [] }));
    expect((await publication.current('golf', 'audience'))!.version).not.toBe(version);
  });

  it('lets both kinds reach every position of the log, and does not feed itself', async () => {
    await register('golf');
    await builder.start();
    const last = await define('golf', 'everyone', { all: [] });
    await reached('golf', last);
    await quiet('golf');
    // What concerns no customer's segments: positions rise, and nothing is written.
    const after = await append('behaviour-golf.n1.d1', 'golf', snapshotCodec, { type: 'SnapshotRequested', kind: 'playbook' });
    await reached('golf', after);
    expect(await log.lastPosition()).toBe(after);
  });

  it('builds anew when it is asked for', async () => {
    await register('golf');
    await builder.start();
    await reached('golf', await define('golf', 'everyone', { all: [] }));
    await quiet('golf');
    const [playbooks, audiences] = [await published('golf', 'playbook'), await published('golf', 'audience')];
    await append(snapshotStream('golf', null), 'golf', snapshotCodec, { type: 'SnapshotRequested', kind: null });
    await until(
      async () => (await published('golf', 'playbook')) === playbooks + 1 && (await published('golf', 'audience')) >= audiences + 1,
      'both anew',
    );
  });

  it('goes on with the others when one client fails, and with that one when it can', async () => {
    await register('golf');
    await register('tennis');
    const audience = tables.audience.bind(tables);
    let away = true;
    tables.audience = (query) =>
      away && query.scope.clientId === 'golf'
        ? Promise.reject(Object.assign(new Error('away'), { code: 'ANALYTICS_UNAVAILABLE' }))
        : audience(query);
    await builder.start();
    const position = (await log.lastPosition())!;
    await reached('tennis', position);
    await reached('golf', position, ['playbook']);
    expect(await publication.current('golf', 'audience')).toBeNull();
    expect(await registry.getSingleMetricAsString('vitrine_snapshot_build_failures_total')).toContain(
      'client="golf",kind="audience",code="ANALYTICS_UNAVAILABLE"',
    );
    expect(reports.join()).toContain('the audience of golf could not be built');
    away = false;
    await reached('golf', position);
  });

  it('stops in the middle of a whole build, which says nothing more', async () => {
    await register('golf');
    let asked: () => void;
    const building = new Promise<void>((resolve) => {
      asked = resolve;
    });
    tables.audience = async ({ segmentIds, signal }) => ({
      segmentIds,
      words: 1,
      chunks: (async function* () {
        asked();
        // Rows that never come.
        await new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error)));
        yield new Uint8Array();
      })(),
    });
    await builder.start();
    await building;
    await builder.stop();
    expect(await publication.current('golf', 'audience')).toBeNull();
    expect(reports).toEqual([]);
  });

  it('says when it cannot go on: an event of a version that it does not know', async () => {
    await register('golf');
    await builder.start();
    const { type, data } = clientCodec.encode({ type: 'ClientRevised', name: 'Golf' });
    await log.append('client-golf', [{ id: randomUUID(), type, data, metadata: { schema: 99, clientId: 'golf', actor: 'system' } }], 'any');
    await until(async () => failures.length === 1, 'the failure');
    expect(failures[0]).toMatchObject({ code: 'UNREADABLE_EVENT' });
  });

  it('goes on after a restart, and tells by its metrics', async () => {
    await register('golf');
    await define('golf', 'everyone', { all: [] });
    await builder.start();
    await quiet('golf');
    const current = await publication.current('golf', 'audience');
    await builder.stop();
    builder = newBuilder();
    await builder.start();
    const last = (await log.lastPosition())!;
    await reached('golf', last);
    expect(await publication.current('golf', 'audience')).toEqual({ ...current, position: last });
    expect(await log.lastPosition()).toBe(last);
    const said = await registry.metrics();
    expect(said).toContain(`vitrine_published_snapshot_position{client="golf",kind="audience"} ${last}`);
    expect(said).toContain('vitrine_published_snapshot_customers{client="golf",kind="audience"} 0');
  });
});

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const limit = Date.now() + 20_000; !(await holds()); ) {
    if (Date.now() > limit) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
