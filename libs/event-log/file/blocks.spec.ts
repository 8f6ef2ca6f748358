import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type EventLog, type NewEvent, type Position, type RecordedEvent, WrittenEvent } from '../event-log.js';
import { collect, event } from '../testing/given-events.js';
import { openFileLog } from './file-log.js';
import { verifyLog } from './verify.js';

const format1 = 'libs/event-log/file/testing/format-1/data.mdb.gz';
const metadata = { schema: 1, clientId: 'golf', actor: 'system' };
/** As a spool's ids: rising with the number. */
const risingId = (n: number) => `00000000-0000-8000-8000-${n.toString(16).padStart(12, '0')}`;

let folder: string;
let log: EventLog;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-blocks-'));
});
afterEach(async () => {
  await log.close();
  expect((await verifyLog({ folder })).problems).toEqual([]);
  await rm(folder, { recursive: true });
});

interface Append {
  readonly stream: string;
  readonly count: number;
  readonly types: number;
  readonly rising: boolean;
  readonly written: boolean;
  readonly textLength: number;
}
const appends: fc.Arbitrary<Append[]> = fc.array(
  fc.record({
    stream: fc.constantFrom('served-golf', 'served-tea', 'behaviour-golf.n1'),
    count: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 900, max: 1_200 })),
    types: fc.integer({ min: 1, max: 3 }),
    rising: fc.boolean(),
    written: fc.boolean(),
    textLength: fc.constantFrom(0, 3, 100),
  }),
  { minLength: 1, maxLength: 6 },
);

describe('events that stand in blocks', () => {
  it('are read as they were appended, from any place, in any direction, by any filter', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        appends,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
        async (given, places) => {
          // Also when one has failed: what it left is not for the next.
          run += 1;
          log = await openFileLog({ folder: join(folder, String(run)) });
          const all: { event: NewEvent; stream: string }[] = [];
          for (const append of given) {
            const events = eventsOf(append, all.length);
            await log.append(append.stream, events, 'any');
            for (const one of events) all.push({ event: one, stream: append.stream });
          }
          const told = ({ id, type, data, metadata }: NewEvent, stream: string) => ({ id, type, data, metadata, stream });
          const expected = all.map((one) => told(one.event, one.stream));
          const plain = (events: readonly RecordedEvent[]) => events.map((one) => told(one, one.stream));
          expect(plain(await collect(log.readAll({ after: null })))).toEqual(expected);
          for (const place of places) {
            const at = Math.floor(place * all.length);
            const after = at === 0 ? null : (BigInt(at) as Position);
            const maxCount = 1 + Math.floor(place * 700);
            const filter = place < 0.5 ? { categories: ['served'] } : { types: ['Type0', 'Type2'] };
            const matches = ({ type, stream }: { type: string; stream: string }) =>
              place < 0.5 ? stream.startsWith('served-') : type !== 'Type1';
            expect(plain(await collect(log.readAll({ after, filter, maxCount })))).toEqual(
              expected.slice(at).filter(matches).slice(0, maxCount),
            );
            expect((await log.readAt(BigInt(at + 1) as Position))?.id).toBe(expected[at]?.id);
            const own = expected.filter(({ stream }) => stream === expected[0]?.stream);
            const from = Math.floor(place * own.length);
            const stream = own[0]?.stream ?? '';
            expect(plain(await collect(log.readStream(stream, { fromRevision: BigInt(from), maxCount })))).toEqual(
              own.slice(from, from + maxCount),
            );
            const backwards = await collect(log.readStream(stream, { direction: 'backwards', fromRevision: BigInt(from), maxCount }));
            // From behind the end it begins at the end.
            const end = Math.min(from + 1, own.length);
            expect(plain(backwards)).toEqual(own.slice(Math.max(0, end - maxCount), end).reverse());
          }
          await log.close();
          expect(await verifyLog({ folder: join(folder, String(run)) })).toMatchObject({ events: all.length, problems: [] });
        },
      ),
      {
        numRuns: 10,
        examples: [[[{ stream: 'served-tea', count: 1165, types: 2, rising: false, written: false, textLength: 100 }], [0, 0.3, 0.9, 1]]],
      },
    );
    // For what follows each test.
    log = await openFileLog({ folder });
  }, 120_000);

  it('are known by their ids, also inside a block', async () => {
    log = await openFileLog({ folder });
    const batch = (from: number, count: number) => Array.from({ length: count }, (_, index) => event({ id: risingId(from + index) }));
    await log.append('s-golf', batch(0, 3_000), 'noStream');
    await log.append('s-golf', batch(3_000, 100), 2_999n);
    const repeated = await log.append('s-golf', batch(1_500, 10), 'any');
    expect(repeated).toEqual({ revision: 1_509n, position: 1_510n });
    await expect(log.append('s-golf', batch(3_095, 10), 'any')).rejects.toMatchObject({ code: 'REVISION_CONFLICT' });
    // The same batch at its place, over several blocks, and from within one.
    expect(await log.append('s-golf', batch(0, 3_000), 'noStream')).toEqual({ revision: 2_999n, position: 3_000n });
    expect(await log.append('s-golf', batch(1_234, 700), 1_233n)).toMatchObject({ revision: 1_933n });
    // Ids that are there already, in an order of their own, and between others.
    expect(await log.append('s-golf', [event(), ...batch(10, 20)], 'any')).toMatchObject({ revision: 3_120n });
    expect(await log.append('s-golf', batch(10, 20), 'any')).toMatchObject({ revision: 3_120n });
    expect(await log.append('s-golf', batch(0, 5), 3_120n)).toMatchObject({ revision: 3_125n });
    expect(await log.append('s-golf', [event({ id: risingId(3).toUpperCase() })], 'any')).toMatchObject({ revision: 3_124n });
    // Another stream's are its own.
    expect(await log.append('t-golf', batch(10, 20), 'any')).toMatchObject({ revision: 19n });
  });

  it('follow events of the former format, which are read as they were', async () => {
    await writeFile(join(folder, 'data.mdb'), gunzipSync(await readFile(format1)));
    log = await openFileLog({ folder, readOnly: true });
    const before = await collect(log.readAll({ after: null }));
    expect(before.map(({ data }) => data.n)).toEqual([...Array.from({ length: 31 }, (_, n) => n), 100]);
    expect(before[13]).toMatchObject({ type: 'Answered', data: { n: 13, text: 'ü'.repeat(6) }, metadata, position: 14n });
    await log.close();
    log = await openFileLog({ folder });
    const more = Array.from({ length: 40 }, (_, index) => event({ id: risingId(index), type: 'Asked', data: { n: 200 + index } }));
    await log.append('odd-golf', more, 'any');
    expect(await log.append('odd-golf', [before.find(({ stream }) => stream === 'odd-golf') as NewEvent], 'any')).toMatchObject({
      revision: 0n,
    });
    const asked = await collect(log.readAll({ after: null, filter: { types: ['Asked'] } }));
    expect(asked.map(({ data }) => data.n)).toEqual([
      ...before.filter(({ type }) => type === 'Asked').map(({ data }) => data.n),
      ...more.map(({ data }) => data.n),
    ]);
    const backwards = await collect(log.readStream('odd-golf', { direction: 'backwards' }));
    expect(backwards.map(({ data }) => data.n).reverse()).toEqual([
      ...before.filter(({ stream }) => stream === 'odd-golf').map(({ data }) => data.n),
      ...more.map(({ data }) => data.n),
    ]);
    expect(await collect(log.readStream('gone-golf'))).toEqual([]);
  });
});

function eventsOf({ count, types, rising, written, textLength }: Append, first: number): NewEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const id = rising ? risingId(first + index) : randomUUID();
    const data = { n: first + index, text: 'ä'.repeat(textLength) };
    const type = `Type${index % types}`;
    const own = index % 7 === 0 ? { ...metadata, importId: 'i1' } : metadata;
    return written ? new WrittenEvent(id, type, JSON.stringify(data), JSON.stringify(own)) : { id, type, data, metadata: own };
  });
}
