import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { clientCodec } from '#libs/domain';
import { type EventLog, EventLogUnavailable, type Position } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import type { AcquireLeadership, Leadership } from '#libs/leadership';
import type { SnapshotPublication } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { LeadingBuilder } from './leading-builder.js';
import { BuilderMetrics } from './metrics.js';
import { TablesInMemory } from './testing/tables-in-memory.js';

/** A lead that the test gives and takes. */
class Lead implements Leadership {
  private readonly over = new AbortController();
  /** The lead is over, and nobody has been told. */
  isOver = false;
  released = false;
  get lost(): AbortSignal {
    return this.over.signal;
  }
  holds(): boolean {
    return !this.isOver;
  }
  lose(): void {
    this.isOver = true;
    this.over.abort();
  }
  async release(): Promise<void> {
    this.isOver = true;
    this.released = true;
  }
}

describe('a builder among several', () => {
  let folder: string;
  let log: EventLog;
  let publication: SnapshotPublication;
  let tables: TablesInMemory;
  let registry: Registry;
  let builder: LeadingBuilder;
  let asked: ((lead: Leadership) => void)[];
  let failures: unknown[];
  let reports: string[];
  const acquireLeadership: AcquireLeadership = (signal) =>
    new Promise((resolve, reject) => {
      asked.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-leading-'));
    log = await openFileLog({ folder: join(folder, 'log') });
    publication = await openFileSnapshots({ folder: join(folder, 'snapshots') });
    tables = new TablesInMemory();
    tables.projectedTo = async () => {
      tables.upTo = await log.lastPosition();
      return tables.upTo;
    };
    asked = [];
    failures = [];
    reports = [];
    registry = new Registry();
    const clock = () => new Date();
    builder = new LeadingBuilder({
      log,
      analytics: tables,
      publication,
      metrics: new BuilderMetrics(registry, clock),
      clock,
      options: { incrementSeconds: 0.1 },
      acquireLeadership,
      report: (message) => reports.push(message),
      failed: (error) => failures.push(error),
    });
    builder.start();
  });
  afterEach(async () => {
    await builder.stop();
    await publication.close();
    await log.close();
    await rm(folder, { recursive: true });
  });

  const register = async (clientId: string): Promise<Position> => {
    const about = { name: 'Shop', timeZone: 'UTC', origins: [], sampleRate: 1, snapshotIntervalSeconds: 900, snapshotMaxAgeSeconds: null };
    const { type, schema, data } = clientCodec.encode({ type: 'ClientRegistered', clientId, currency: 'EUR', ...about });
    const event = { id: randomUUID(), type, data, metadata: { schema, clientId, actor: 'system' } };
    return (await log.append(`client-${clientId}`, [event], 'noStream')).position;
  };
  const lead = async (): Promise<Lead> => {
    await until(async () => asked.length > 0, 'the builder asks to lead');
    const given = new Lead();
    asked.shift()!(given);
    return given;
  };
  const published = async (clientId: string) =>
    (await publication.current(clientId, 'playbook')) !== null && (await publication.current(clientId, 'audience')) !== null;

  it('publishes nothing while another one leads', async () => {
    await register('golf');
    await until(async () => asked.length > 0, 'the builder asks to lead');
    expect(await publication.all()).toEqual([]);
    await lead();
    await until(() => published('golf'), 'snapshots');
  });

  it('writes nothing more from the moment at which the lead is over, also in the middle of a build and before it is told', async () => {
    const audience = tables.audience.bind(tables);
    let building: (() => void) | undefined;
    tables.audience = async (query) => {
      await new Promise<void>((resolve) => {
        building = resolve;
      });
      return audience(query);
    };
    await register('golf');
    const first = await lead();
    await until(async () => building !== undefined, 'a build');
    await until(async () => (await publication.current('golf', 'playbook')) !== null, 'the playbook');
    first.isOver = true;
    building!();
    await until(async () => reports.join().includes('the audience of golf could not be built'), 'the refused build');
    expect(await publication.current('golf', 'audience')).toBeNull();
    expect(await registry.getSingleMetricAsString('vitrine_snapshot_build_failures_total')).toContain('code="LEAD_LOST"');
    first.lose();
    await until(async () => first.released, 'the release');
    tables.audience = audience;
    const before = await log.lastPosition();
    await register('tennis');
    await until(async () => asked.length > 0, 'it asks to lead again');
    expect(await published('tennis')).toBe(false);
    expect((await log.lastPosition())! > before!).toBe(true);
    expect(reports.at(-1)).toContain('stands by');
    expect(await registry.getSingleMetricAsString('vitrine_published_snapshot_position')).not.toContain('client=');

    // And goes on in the same process when it leads again.
    await lead();
    await until(() => published('golf'), 'snapshots of golf');
    await until(() => published('tennis'), 'snapshots of tennis');
    expect(failures).toEqual([]);
  });

  it('waits for a log that is away when it begins to lead', async () => {
    await register('golf');
    const lastPosition = log.lastPosition.bind(log);
    log.lastPosition = () => Promise.reject(new EventLogUnavailable('away'));
    await lead();
    await until(async () => reports.join().includes('the definitions cannot be read'), 'the report');
    log.lastPosition = lastPosition;
    await until(() => published('golf'), 'snapshots');
    expect(failures).toEqual([]);
  });

  it('says when it cannot go on', async () => {
    const { type, data } = clientCodec.encode({ type: 'ClientRevised', name: 'Golf' });
    await log.append('client-golf', [{ id: randomUUID(), type, data, metadata: { schema: 99, clientId: 'golf', actor: 'system' } }], 'any');
    await lead();
    await until(async () => failures.length > 0, 'the failure');
    expect(failures[0]).toMatchObject({ code: 'UNREADABLE_EVENT' });
  });
});

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const limit = Date.now() + 20_000; !(await holds()); ) {
    if (Date.now() > limit) throw new Error(`not within 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
