import { Registry } from 'prom-client';
import type { Criteria } from '#libs/domain';
import type { EventLog, Position } from '#libs/event-log';
import { audienceSegmentIds, type ClientDefinitions, scopeOf, segmentCriteria } from '#libs/projections';
import { type Announcement, type CustomerHash, customerHash, Overlay, readAudience, type SnapshotPublication } from '#libs/snapshots';
import { AudienceKeeper } from '../audience-keeper.js';
import type { SnapshotBuilderOptions } from '../builder-parts.js';
import { KeptOverlays } from '../kept-overlays.js';
import { BuilderMetrics } from '../metrics.js';
import { TablesInMemory } from './tables-in-memory.js';

export const begin = Date.parse('2026-11-23T12:00:00Z');

let clients = 0;

/** One client, its tables, and a keeper of its audience. */
export class Shop {
  readonly clientId = `shop${clients++}`;
  readonly tables: TablesInMemory;
  now = begin;
  position = 1n;
  definedTo = 1n;
  definitions: ClientDefinitions;
  keeper: AudienceKeeper;

  constructor(
    segments: Record<string, Criteria>,
    private readonly around: { readonly log: EventLog; readonly publication: SnapshotPublication },
    private readonly more: { hash?: CustomerHash; options?: Partial<SnapshotBuilderOptions> } = {},
  ) {
    this.tables = new TablesInMemory(more.hash);
    this.tables.upTo = 1n as Position;
    const settings = { name: 'Shop', timeZone: 'Europe/Berlin', currency: 'EUR', origins: [], sampleRate: 1 };
    this.definitions = {
      client: { ...settings, clientId: this.clientId, snapshotIntervalSeconds: 900, snapshotMaxAgeSeconds: null },
      contents: new Map(),
      segments: new Map(),
      campaigns: new Map(),
      changedAt: 1n as Position,
      audienceChangedAt: 1n as Position,
      requestedAt: { audience: null, playbook: null },
    };
    this.define(segments);
    this.keeper = this.newKeeper();
  }

  newKeeper(where = this.around.publication): AudienceKeeper {
    const clock = () => new Date(this.now);
    return new AudienceKeeper(
      {
        log: this.around.log,
        analytics: this.tables,
        publication: where,
        metrics: new BuilderMetrics(new Registry(), clock),
        clock,
        options: { incrementSeconds: 2, ...this.more.options },
        hash: this.more.hash ?? customerHash,
        definitionsOf: () => ({ position: this.definedTo as Position, definitions: this.definitions }),
        report: () => undefined,
      },
      this.clientId,
      new KeptOverlays(),
    );
  }

  define(segments: Record<string, Criteria>): void {
    const position = this.next();
    const entries = Object.entries(segments).map(
      ([id, criteria]) => [id, { segmentId: id, name: id, criteria, status: 'active' as const }] as const,
    );
    this.definitions = { ...this.definitions, segments: new Map(entries), changedAt: position, audienceChangedAt: position };
  }

  request(): Position {
    const position = this.next();
    this.definitions = { ...this.definitions, requestedAt: { ...this.definitions.requestedAt, audience: position } };
    return position;
  }

  /** In the log, the definitions and the tables. */
  next(): Position {
    this.position += 1n;
    this.definedTo = this.position;
    this.tables.upTo = this.position as Position;
    return this.position as Position;
  }

  act(customerId: string, type: 'Product Viewed' | 'Product Added' | 'Order Completed' = 'Product Viewed', at = this.now): void {
    const position = this.next();
    this.tables.events.push({
      type,
      customerId,
      sessionId: null,
      time: new Date(at).toISOString(),
      position,
      properties: type === 'Order Completed' ? { order_id: `o${position}`, total: '10' } : {},
    });
  }

  announced(): Promise<Announcement | null> {
    return this.around.publication.current(this.clientId, 'audience');
  }

  /** As the builder's queues do. */
  async step(): Promise<Announcement> {
    await stepOf(this.keeper);
    return (await this.announced())!;
  }

  /** As a node loads it. */
  async loaded(): Promise<Overlay> {
    const announced = (await this.announced())!;
    const overlay = new Overlay(readAudience(await this.around.publication.fetch(announced)), announced.version);
    for (const { bytes } of await this.around.publication.increments(this.clientId, announced.version, 0)) overlay.apply(bytes);
    if (overlay.sequence !== announced.increment) throw new Error(`${overlay.sequence} of ${announced.increment} increments are there`);
    return overlay;
  }

  async segmentsOf(customerId: string): Promise<readonly string[]> {
    const overlay = await this.loaded();
    return overlay.memberships[overlay.membershipOf((this.more.hash ?? customerHash)(customerId), customerId)] ?? [];
  }

  /** Judged in plain code, now. */
  expected(): Map<string, string[]> {
    const { definitions } = this;
    return this.tables.members({
      scope: scopeOf(definitions.client),
      segments: segmentCriteria(definitions),
      segmentIds: audienceSegmentIds(definitions),
      asOf: new Date(this.now),
    });
  }

  async published(): Promise<readonly unknown[]> {
    const events = [];
    for await (const event of this.around.log.readStream(`snapshot-${this.clientId}.audience`)) events.push(event.data.version);
    return events;
  }
}

/** A step, and the whole build when one is due: as the queues do, one after the other. */
export async function stepOf(keeper: AudienceKeeper): Promise<void> {
  if (await keeper.step()) await keeper.build();
}
