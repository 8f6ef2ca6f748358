/** The builder on ClickHouse itself: what the oracle's tables cannot show. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import type { Analytics } from '#libs/analytics';
import { type ClickHouseConnection, migrate, openAnalytics, openAnalyticsWriter, openClickHouse } from '#libs/analytics/clickhouse';
import { type EmbeddedClickHouse, startEmbeddedClickHouse } from '#libs/analytics/embedded';
import { migrations } from '#libs/analytics/schema';
import { type BehaviourFact, type Criteria, clientCodec, eventTypeOf, segmentCodec } from '#libs/domain';
import { type EventLog, followLog, type LogFollower, type Position } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import {
  audienceSegmentIds,
  type Definitions,
  definitionsFold,
  eventRows,
  scopeOf,
  segmentCriteria,
  withoutRepeats,
} from '#libs/projections';
import { customerHash, Overlay, readAudience, type SnapshotPublication } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { AudienceKeeper } from './audience-keeper.js';
import { Judging } from './judging.js';
import { KeptOverlays } from './kept-overlays.js';
import { BuilderMetrics } from './metrics.js';

const begin = Date.parse('2026-11-23T12:00:00Z');
const hour = 3_600_000;
const day = 24 * hour;

let folder: string;
let engine: EmbeddedClickHouse;
let connection: ClickHouseConnection;
let analytics: Analytics;
let log: EventLog;
let publication: SnapshotPublication;
let definitions: LogFollower<Definitions>;
const ending = new AbortController();
let projected: Position | null = null;
let clients = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-builder-'));
  log = await openFileLog({ folder: join(folder, 'log') });
  publication = await openFileSnapshots({ folder: join(folder, 'snapshots') });
  engine = await startEmbeddedClickHouse({ folder: join(folder, 'clickhouse'), httpPort: 0, nativePort: 0, onExit: () => undefined });
  connection = openClickHouse(engine);
  await connection.createDatabase();
  await migrate(connection, migrations);
  analytics = openAnalytics(connection);
  definitions = followLog({
    log,
    filter: { categories: definitionsFold.categories },
    initial: definitionsFold.initial(),
    apply: (state: Definitions, event) => definitionsFold.apply(state, event),
    signal: ending.signal,
    onError: (error) => {
      throw error;
    },
  });
});
afterAll(async () => {
  ending.abort();
  await definitions.ended;
  await publication.close();
  await analytics.close();
  await engine.stop();
  await log.close();
  await rm(folder, { recursive: true });
});

/** What the projector does, at once. */
async function project(): Promise<void> {
  const writer = openAnalyticsWriter(connection);
  const facts = [];
  for await (const event of log.readAll({ after: projected })) {
    projected = event.position;
    const rows = eventRows(event);
    if (rows !== undefined) facts.push(rows);
  }
  await writer.write(withoutRepeats(facts, () => undefined).rows, projected!);
}

class Shop {
  readonly clientId = `shop${clients++}`;
  readonly keeper: AudienceKeeper;
  /** Customers who were judged again, in all. */
  judgedAgain = 0;
  now = begin;

  constructor() {
    const clock = () => new Date(this.now);
    this.keeper = new AudienceKeeper(
      {
        log,
        analytics: {
          ...analytics,
          audience: (query) => {
            this.judgedAgain += query.only?.length ?? 0;
            // As the builder asks, which may be stopped.
            return analytics.audience({ ...query, signal: ending.signal });
          },
        },
        publication,
        metrics: new BuilderMetrics(new Registry(), clock),
        clock,
        options: { incrementSeconds: 2 },
        definitionsOf: () => ({ position: definitions.position, definitions: definitions.state.get(this.clientId) }),
        report: () => undefined,
      },
      this.clientId,
      new KeptOverlays(),
    );
  }

  async open(segments: Record<string, Criteria>): Promise<void> {
    const { clientId } = this;
    const settings = { name: 'Shop', timeZone: 'Europe/Berlin', currency: 'EUR', origins: [], sampleRate: 1, snapshotMaxAgeSeconds: null };
    const registered = clientCodec.encode({ type: 'ClientRegistered', clientId, ...settings, snapshotIntervalSeconds: 1_000_000 });
    await this.append(`client-${clientId}`, [registered]);
    await this.redefine({}, segments);
  }

  async redefine(before: Record<string, Criteria>, segments: Record<string, Criteria>): Promise<void> {
    const { clientId } = this;
    for (const segmentId of Object.keys(before).filter((id) => !Object.hasOwn(segments, id)))
      await this.append(`segment-${clientId}.${segmentId}`, [segmentCodec.encode({ type: 'SegmentArchived' })]);
    for (const [segmentId, criteria] of Object.entries(segments)) {
      if (Object.hasOwn(before, segmentId)) continue;
      await this.append(`segment-${clientId}.${segmentId}`, [
        segmentCodec.encode({ type: 'SegmentDefined', segmentId, name: segmentId, criteria }),
      ]);
    }
  }

  async act(acts: readonly { customer: string; type: BehaviourFact['type']; agoMs: number }[]): Promise<void> {
    const facts = acts.map(({ customer, type, agoMs }): BehaviourFact => {
      const properties = type === 'Order Completed' ? { order_id: randomUUID(), total: '10' } : { product_id: 'p' };
      return {
        type,
        messageId: randomUUID(),
        customerId: customer,
        sessionId: null,
        time: new Date(this.now - agoMs).toISOString(),
        properties,
      };
    });
    if (facts.length > 0)
      await this.append(
        `behaviour-${this.clientId}.n1.d1`,
        facts.map((fact) => ({ type: eventTypeOf(fact.type), schema: 1, data: fact as never })),
      );
  }

  async answer(customerIds: readonly string[]): Promise<void> {
    const facts = customerIds.map((customerId) => ({
      decisionId: randomUUID(),
      campaignId: 'spring',
      customerId,
      sessionId: null,
      time: new Date(this.now).toISOString(),
      sampleRate: 1,
      reason: 'DEFAULT',
      playbook: 'p',
      form: 'json',
      request: { url: null, referrer: null, device: 'mobile', browser: null, country: null, context: {} },
    }));
    if (facts.length > 0)
      await this.append(
        `served-${this.clientId}.n1.d1`,
        facts.map((data) => ({ type: 'ContentServed', schema: 1, data })),
      );
  }

  async step(): Promise<Overlay> {
    await project();
    await definitions.caughtUp();
    if (await this.keeper.step()) await this.keeper.build();
    const announced = (await publication.current(this.clientId, 'audience'))!;
    expect(announced.position).toBe(projected);
    const overlay = new Overlay(readAudience(await publication.fetch(announced)), announced.version);
    for (const { bytes } of await publication.increments(this.clientId, announced.version, 0)) overlay.apply(bytes);
    return overlay;
  }

  /** Built whole from the tables, at this instant. */
  async whole(): Promise<Overlay> {
    const defined = definitions.state.get(this.clientId)!;
    const question = {
      scope: scopeOf(defined.client),
      segments: segmentCriteria(defined),
      segmentIds: audienceSegmentIds(defined),
      asOf: new Date(this.now),
    };
    const builder = await new Judging(analytics).everyone(question);
    return new Overlay(readAudience(builder.image().bytes), '0000000000000000');
  }

  private async append(stream: string, events: readonly { type: string; schema: number; data: object }[]): Promise<void> {
    const metadata = { clientId: this.clientId, actor: 'system' };
    const written = events.map(({ type, schema, data }) => ({
      id: randomUUID(),
      type,
      data: data as never,
      metadata: { ...metadata, schema },
    }));
    await log.append(stream, written, 'any');
  }
}

function segmentsIn(audience: Overlay, customerId: string): readonly string[] {
  return audience.memberships[audience.membershipOf(customerHash(customerId), customerId)] ?? [];
}

describe('an audience kept by increments from ClickHouse', () => {
  const plain = fc.constantFrom<Criteria>(
    { field: 'orders.count', op: 'gte', value: 1 },
    { not: { field: 'views.count', op: 'gte', value: 2 } },
    {
      all: [
        { field: 'cart.adds', op: 'gt', value: 0 },
        { field: 'orders.total', op: 'lt', value: 25 },
      ],
    },
    { any: [{ customers: ['c1', 'listed'] }, { field: 'visits.count', op: 'gt', value: 1 }] },
  );
  const windowed = fc.constantFrom<Criteria>(
    { field: 'orders.count', op: 'gte', value: 1, within: '6h' },
    { field: 'visits.last', op: 'olderThan', value: '3h' },
    { field: 'cart.abandons', op: 'gte', value: 1 },
  );
  const act = fc.record({
    customer: fc.constantFrom('c0', 'c1', 'c2', 'c3', 'дора', 'c5'),
    type: fc.constantFrom<BehaviourFact['type']>('Product Viewed', 'Product Added', 'Order Completed'),
    agoMs: fc.constantFrom(0, hour, 13 * hour, 2 * day),
  });
  const round = fc.record({ acts: fc.array(act, { maxLength: 8 }), laterMs: fc.constantFrom(2_000, 4 * hour) });

  it('answers like one built whole at the same instant: for who was touched, and for all where no window is', async () => {
    let increments = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(plain, { minLength: 1, maxLength: 3 }),
        windowed,
        fc.array(round, { minLength: 2, maxLength: 4 }),
        async (criteria, window, rounds) => {
          const shop = new Shop();
          await shop.open({ ...Object.fromEntries(criteria.map((one, index) => [`s${index}`, one])), window });
          for (const { acts, laterMs } of rounds) {
            shop.now += laterMs;
            await shop.act(acts);
            const kept = await shop.step();
            increments += kept.sequence;
            const whole = await shop.whole();
            const touched = new Set<string>(acts.map(({ customer }) => customer));
            for (const id of ['c0', 'c1', 'c2', 'c3', 'дора', 'c5', 'listed', 'nobody']) {
              const [now, then] = [segmentsIn(kept, id), segmentsIn(whole, id)];
              if (touched.has(id)) expect(now).toEqual(then);
              else expect(now.filter((segment) => segment !== 'window')).toEqual(then.filter((segment) => segment !== 'window'));
            }
          }
        },
      ),
      { numRuns: 8 },
    );
    expect(increments).toBeGreaterThan(0);
  });

  it('judges whom only answers concern where a segment asks for answers, and says how far it is in any case', async () => {
    const views: Criteria = { field: 'views.count', op: 'gte', value: 2 };
    const answers: Criteria = { field: 'content.served', op: 'gte', value: 2 };
    const shapes = fc.constantFrom<{ readonly asks: boolean; readonly segments: Record<string, Criteria> }>(
      { asks: false, segments: { views } },
      { asks: true, segments: { views, answers } },
      { asks: true, segments: { views, unanswered: { all: [{ not: { segment: 'answers' } }, { customers: ['c0', 'listed'] }] }, answers } },
    );
    const who = fc.array(fc.constantFrom('c0', 'c1', 'c2', 'listed'), { maxLength: 4 });
    const rounds = fc.array(fc.record({ viewed: who, answered: who, asks: fc.option(shapes, { nil: undefined, freq: 4 }) }), {
      minLength: 2,
      maxLength: 6,
    });
    let spared = 0;
    await fc.assert(
      fc.asyncProperty(shapes, rounds, async (first, all) => {
        const shop = new Shop();
        let { asks, segments } = first;
        await shop.open(segments);
        await shop.step();
        const [viewed, answered] = [new Map<string, number>(), new Map<string, number>()];
        const count = (counts: Map<string, number>, ids: readonly string[]) => {
          for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
        };
        for (const round of all) {
          shop.now += 2_000;
          const isOther = round.asks !== undefined && Object.keys(round.asks.segments).join() !== Object.keys(segments).join();
          if (round.asks !== undefined && isOther) {
            // Segments that come or go are a whole build, which knows every answer.
            await shop.redefine(segments, round.asks.segments);
            ({ asks, segments } = round.asks);
          }
          const before = shop.judgedAgain;
          await shop.answer(round.answered);
          await shop.act(round.viewed.map((customer) => ({ customer, type: 'Product Viewed', agoMs: 0 })));
          count(viewed, round.viewed);
          count(answered, round.answered);
          // Also requires that the position is that of the log.
          const audience = await shop.step();
          if (!isOther && !asks) {
            expect(shop.judgedAgain - before).toBe(new Set(round.viewed).size);
            spared += round.answered.filter((id) => !round.viewed.includes(id)).length;
          }
          for (const id of ['c0', 'c1', 'c2', 'listed']) {
            const isKnown = viewed.has(id);
            const isAnswered = (answered.get(id) ?? 0) >= 2;
            const isListed = id === 'c0' || id === 'listed';
            const plain: Record<string, boolean> = {
              views: (viewed.get(id) ?? 0) >= 2,
              answers: isKnown && isAnswered,
              unanswered: isListed && !isAnswered,
            };
            expect([id, [...segmentsIn(audience, id)].sort()]).toEqual([
              id,
              Object.keys(segments)
                .filter((one) => plain[one])
                .sort(),
            ]);
          }
        }
      }),
      { numRuns: 6 },
    );
    expect(spared).toBeGreaterThan(0);
  });

  it('takes each customer’s hash for what ClickHouse takes it for', async () => {
    const shop = new Shop();
    await shop.open({ everyone: { all: [] } });
    const ids = ['a', 'дора', '🛒', 'x'.repeat(64), "o'clock", '%00', '\\', ...Array.from({ length: 200 }, () => randomUUID())];
    await shop.act(ids.map((customer) => ({ customer, type: 'Product Viewed', agoMs: 0 })));
    const audience = await shop.step();
    expect(audience.base.customers).toBe(ids.length);
    expect(ids.filter((id) => segmentsIn(audience, id).join() !== 'everyone')).toEqual([]);
  });
});
