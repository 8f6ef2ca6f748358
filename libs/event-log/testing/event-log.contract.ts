import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type AppendResult,
  AppendTooLarge,
  type EventLog,
  InvalidEvent,
  type NewEvent,
  type Position,
  RevisionConflict,
  WrittenEvent,
} from '../event-log.js';
import { collect, event, events, eventually, uniqueName } from './given-events.js';
import { aboutSubscriptions } from './subscriptions.contract.js';

export interface OpenedLog {
  readonly log: EventLog;
  /** Closes the log and opens the same one again, as after a restart. */
  reopen(): Promise<EventLog>;
  /** Closes whatever is open and removes what the test made. */
  dispose(): Promise<void>;
}

/**
 * What every event log does, as a real EventStoreDB answered: one suite without options, run whole by every adapter.
 * The log may hold other events, so that everything here has names of its own.
 */
export function eventLogContract(name: string, open: () => Promise<OpenedLog>): void {
  describe(`event log: ${name}`, () => {
    let opened: OpenedLog;
    let log: EventLog;
    beforeAll(async () => {
      opened = await open();
      log = opened.log;
    });
    afterAll(() => opened.dispose());

    const ids = async (stream: string) => (await collect(log.readStream(stream))).map((each) => each.id);

    describe('expected revisions', () => {
      it('begins a stream at revision 0 and goes on from there', async () => {
        const stream = uniqueName('contract');
        const first = await log.append(stream, events(2), 'noStream');
        expect(first.revision).toBe(1n);
        const second = await log.append(stream, events(1), 1n);
        expect(second.revision).toBe(2n);
        expect(second.position > first.position).toBe(true);
      });

      it.each<[string, (stream: string) => Promise<unknown>, bigint | 'noStream']>([
        ['noStream on an existing stream', (stream) => log.append(stream, events(1), 'noStream'), 1n],
        ['an older revision', (stream) => log.append(stream, events(1), 0n), 1n],
        ['a later revision', (stream) => log.append(stream, events(1), 7n), 1n],
      ])('refuses %s and says where the stream is', async (_, append, actual) => {
        const stream = uniqueName('contract');
        await log.append(stream, events(2), 'noStream');
        await expect(append(stream)).rejects.toMatchObject({ code: 'REVISION_CONFLICT', stream, actual });
        await expect(append(stream)).rejects.toBeInstanceOf(RevisionConflict);
        expect(await ids(stream)).toHaveLength(2);
      });

      it('refuses an exact revision, and streamExists, on a stream that is not there', async () => {
        const stream = uniqueName('contract');
        await expect(log.append(stream, events(1), 3n)).rejects.toMatchObject({
          code: 'REVISION_CONFLICT',
          actual: 'noStream',
          expected: 3n,
        });
        await expect(log.append(stream, events(1), 'streamExists')).rejects.toMatchObject({
          code: 'REVISION_CONFLICT',
          actual: 'noStream',
        });
      });

      it('takes any and streamExists on an existing stream', async () => {
        const stream = uniqueName('contract');
        expect((await log.append(stream, events(1), 'any')).revision).toBe(0n);
        expect((await log.append(stream, events(1), 'streamExists')).revision).toBe(1n);
        expect((await log.append(stream, events(1), 'any')).revision).toBe(2n);
      });

      it('lets one of ten appends at once through', async () => {
        const stream = uniqueName('contract');
        const results = await Promise.allSettled(Array.from({ length: 10 }, () => log.append(stream, events(1), 'noStream')));
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(RevisionConflict);
        expect(await ids(stream)).toHaveLength(1);
      });

      it('appends all or nothing', async () => {
        const stream = uniqueName('contract');
        await expect(log.append(stream, [event(), { ...event(), type: '' }], 'noStream')).rejects.toBeInstanceOf(InvalidEvent);
        expect(await ids(stream)).toEqual([]);
      });
    });

    describe('repeated appends', () => {
      const sameAnswer = (again: AppendResult, first: AppendResult) => expect(again).toEqual(first);

      it.each([['noStream' as const], ['any' as const]])(
        'answers a batch that is there already as the first time (%s)',
        async (expected) => {
          const stream = uniqueName('contract');
          const batch = events(3);
          const first = await log.append(stream, batch, expected);
          sameAnswer(await log.append(stream, batch, expected), first);
          await log.append(stream, events(1), first.revision);
          sameAnswer(await log.append(stream, batch, expected), first);
          expect(await ids(stream)).toHaveLength(4);
        },
      );

      it('knows a batch at its own revision later, and by any whichever way it was written', async () => {
        const stream = uniqueName('contract');
        await log.append(stream, events(2), 'noStream');
        const batch = events(3);
        const first = await log.append(stream, batch, 1n);
        await log.append(stream, events(2), 4n);
        sameAnswer(await log.append(stream, batch, 1n), first);
        sameAnswer(await log.append(stream, batch, 'any'), first);
        expect(await ids(stream)).toHaveLength(7);
      });

      it('knows the beginning of a batch at its place, and the end at its own', async () => {
        const stream = uniqueName('contract');
        const batch = events(3);
        const whole = await log.append(stream, batch, 'noStream');
        expect((await log.append(stream, batch.slice(0, 2), 'noStream')).revision).toBe(1n);
        sameAnswer(await log.append(stream, batch.slice(1), 0n), whole);
        sameAnswer(await log.append(stream, batch.slice(1), 'any'), whole);
        expect(await ids(stream)).toEqual(batch.map(({ id }) => id));
      });

      it('refuses a batch of which only the beginning is known', async () => {
        const stream = uniqueName('contract');
        const batch = events(3);
        await log.append(stream, batch, 'noStream');
        await expect(log.append(stream, [...batch, event()], 'noStream')).rejects.toMatchObject({ code: 'REVISION_CONFLICT', actual: 2n });
        await expect(log.append(stream, [...batch, event()], 'any')).rejects.toMatchObject({ code: 'REVISION_CONFLICT', actual: 2n });
        expect(await ids(stream)).toHaveLength(3);
      });

      it('stores a known id again at the newest revision, after a new one with any, twice in a batch, and in another stream', async () => {
        const [stream, other] = [uniqueName('contract'), uniqueName('contract')];
        const [known, more] = [event(), event()];
        await log.append(stream, [known], 'noStream');
        expect((await log.append(stream, [known], 0n)).revision).toBe(1n);
        expect((await log.append(stream, [more, known], 'any')).revision).toBe(3n);
        expect((await log.append(other, [known, known], 'noStream')).revision).toBe(1n);
        expect(await ids(stream)).toEqual([known.id, known.id, more.id, known.id]);
        expect(await ids(other)).toEqual([known.id, known.id]);
      });

      it('still knows a batch at its expected revision after a restart', async () => {
        const stream = uniqueName('contract');
        const batch = events(3);
        const first = await log.append(stream, batch, 'noStream');
        log = await opened.reopen();
        sameAnswer(await log.append(stream, batch, 'noStream'), first);
        expect(await ids(stream)).toHaveLength(3);
      });
    });

    describe('what an event may be', () => {
      it('gives back what was written', async () => {
        const stream = uniqueName('contract');
        const given: NewEvent = {
          id: randomUUID(),
          type: 'Typ.ü-1',
          data: { text: 'zażółć ☃ 𝄞 "quoted" \u0000', nested: { list: [1, 2.5, null, true, 1e21, -0.000001] }, empty: {}, none: null },
          metadata: { schema: 3, clientId: 'golf', actor: 'key:é', correlationId: 'c', more: [{ at: 7 }] },
        };
        const before = Date.now();
        const { position, revision } = await log.append(stream, [given], 'noStream');
        const [recorded] = await collect(log.readStream(stream));
        expect(recorded).toMatchObject({ ...given, stream, position, revision });
        expect(recorded?.data).toEqual(given.data);
        expect(recorded?.metadata).toEqual(given.metadata);
        expect(Math.abs((recorded?.recordedAt.getTime() ?? 0) - before)).toBeLessThan(60_000);
        expect(await log.readAt(position)).toEqual(recorded);
      });

      it('takes events whose texts stand as JSON already, which are the same events', async () => {
        const stream = uniqueName('contract');
        const given = events(3, { data: { text: 'ä "\\ \u2028', n: [1, null, { deep: true }] } });
        const written = given.map((each) => new WrittenEvent(each.id, each.type, JSON.stringify(each.data), JSON.stringify(each.metadata)));
        expect(JSON.parse(JSON.stringify(written))).toEqual(given);
        const result = await log.append(stream, written, 'noStream');
        expect(await collect(log.readStream(stream))).toMatchObject(given);
        // The same append, whichever way its events are given.
        expect(await log.append(stream, given, 'noStream')).toEqual(result);
        expect((await log.append(stream, [...events(1), written[0] as NewEvent], 2n)).revision).toBe(4n);
        await expect(log.append(stream, [new WrittenEvent('x', 'Asked', '{}', '{}')], 4n)).rejects.toBeInstanceOf(InvalidEvent);
        for (const text of ['', '{"a":}', '[]', '1', 'null', '{} ,', '"a"']) {
          for (const wrong of [new WrittenEvent(randomUUID(), 'Asked', text, '{}'), new WrittenEvent(randomUUID(), 'Asked', '{}', text)])
            for (const batch of [[wrong], [...events(1), wrong]])
              await expect(log.append(stream, batch, 4n)).rejects.toBeInstanceOf(InvalidEvent);
        }
        const large = new WrittenEvent(randomUUID(), 'Asked', JSON.stringify({ text: 'x'.repeat(1024 * 1024) }), '{}');
        await expect(log.append(stream, [large], 4n)).rejects.toBeInstanceOf(AppendTooLarge);
      });

      it('takes names with odd characters', async () => {
        const stream = `${uniqueName('contract')} é/ü .-%`;
        await log.append(stream, events(1), 'noStream');
        expect((await collect(log.readStream(stream)))[0]).toMatchObject({ stream });
      });

      it('takes a stream name of 2,000 characters', async () => {
        const stream = `${uniqueName('contract')}.${'x'.repeat(1950)}`;
        await log.append(stream, events(1), 'noStream');
        expect((await collect(log.readStream(stream)))[0]).toMatchObject({ stream, revision: 0n });
        expect(await collect(log.readStream(`${stream}y`))).toEqual([]);
      });

      const cycle: Record<string, unknown> = {};
      cycle.itself = cycle;
      it.each<[string, Partial<Record<keyof NewEvent, unknown>>]>([
        ['an empty type', { type: '' }],
        ['an id that is no UUID', { id: 'not-a-uuid' }],
        ['data with a bigint', { data: { n: 1n } }],
        ['data with a cycle', { data: cycle }],
        ['data that is no object', { data: 'just text' }],
        ['no data', { data: undefined }],
        ['metadata with a bigint', { metadata: { schema: 1n } }],
      ])('refuses %s', async (_, wrong) => {
        const stream = uniqueName('contract');
        // Deliberately not what the types allow: such events come from outside.
        const given = { ...event(), ...wrong } as NewEvent;
        await expect(log.append(stream, [given], 'any')).rejects.toBeInstanceOf(InvalidEvent);
        expect(await ids(stream)).toEqual([]);
      });

      it('refuses no events at all', async () => {
        await expect(log.append(uniqueName('contract'), [], 'any')).rejects.toBeInstanceOf(InvalidEvent);
      });

      it('takes almost 1 MiB at once and refuses more, in one event or in several', async () => {
        const stream = uniqueName('contract');
        const sized = (bytes: number) => event({ data: { text: 'x'.repeat(bytes) } });
        expect((await log.append(stream, [sized(1024 * 1024 - 4096)], 'noStream')).revision).toBe(0n);
        await expect(log.append(stream, [sized(1024 * 1024 + 1)], 0n)).rejects.toBeInstanceOf(AppendTooLarge);
        const many = (count: number) => Array.from({ length: count }, () => sized(105_000));
        await expect(log.append(stream, many(12), 0n)).rejects.toBeInstanceOf(AppendTooLarge);
        expect((await log.append(stream, many(9), 0n)).revision).toBe(9n);
        const read = await collect(log.readStream(stream, { fromRevision: 9n }));
        expect(read[0]?.data).toEqual({ text: 'x'.repeat(105_000) });
      });
    });

    describe('reading a stream', () => {
      const stream = uniqueName('contract');
      const given = events(1203);
      beforeAll(async () => {
        for (let at = 0; at < given.length; at += 600)
          await log.append(stream, given.slice(at, at + 600), at === 0 ? 'noStream' : BigInt(at - 1));
      });
      const revisions = async (options: Parameters<EventLog['readStream']>[1]) =>
        (await collect(log.readStream(stream, options))).map(({ revision }) => Number(revision));

      it('reads all of it, in order', async () => {
        const read = await collect(log.readStream(stream));
        expect(read.map(({ id }) => id)).toEqual(given.map(({ id }) => id));
        expect(read.map(({ revision }) => Number(revision))).toEqual(given.map((_, index) => index));
        expect(isRising(read.map(({ position }) => position))).toBe(true);
      });
      it('reads nothing of a stream that is not there', async () => {
        expect(await collect(log.readStream(uniqueName('contract')))).toEqual([]);
        expect(await collect(log.readStream(uniqueName('contract'), { direction: 'backwards' }))).toEqual([]);
      });
      it('reads forwards from a revision, including it', async () => {
        expect(await revisions({ fromRevision: 1200n })).toEqual([1200, 1201, 1202]);
        expect(await revisions({ fromRevision: 2n, maxCount: 2 })).toEqual([2, 3]);
        expect(await revisions({ fromRevision: 5000n })).toEqual([]);
        expect(await revisions({ maxCount: 0 })).toEqual([]);
      });
      it('reads backwards from the end, or from a revision, including it', async () => {
        expect(await revisions({ direction: 'backwards', maxCount: 2 })).toEqual([1202, 1201]);
        expect(await revisions({ direction: 'backwards', fromRevision: 2n })).toEqual([2, 1, 0]);
        expect(await revisions({ direction: 'backwards', fromRevision: 0n })).toEqual([0]);
        expect(await revisions({ direction: 'backwards', fromRevision: 5000n, maxCount: 1 })).toEqual([1202]);
        expect(await revisions({ direction: 'backwards' })).toEqual(given.map((_, index) => given.length - 1 - index));
      });
      it('can be left in the middle', async () => {
        for await (const { revision } of log.readStream(stream)) if (revision === 3n) break;
        expect(await revisions({ maxCount: 1 })).toEqual([0]);
      });
    });

    describe('deleting a stream', () => {
      it('hides its events, and goes on with its revisions', async () => {
        const stream = uniqueName('contract');
        const { position } = await log.append(stream, events(2), 'noStream');
        await log.deleteStream(stream, 1n);
        expect(await ids(stream)).toEqual([]);
        expect((await log.readAt(position))?.revision).toBe(1n);
        const later = event();
        expect((await log.append(stream, [later], 1n)).revision).toBe(2n);
        await eventually(async () => expect(await ids(stream)).toEqual([later.id]));
        const backwards = await collect(log.readStream(stream, { direction: 'backwards' }));
        expect(backwards.map(({ revision }) => revision)).toEqual([2n]);
      });

      it('takes noStream afterwards', async () => {
        const stream = uniqueName('contract');
        await log.append(stream, events(2), 'noStream');
        await log.deleteStream(stream, 'any');
        const later = event();
        expect((await log.append(stream, [later], 'noStream')).revision).toBe(2n);
        await eventually(async () => expect(await ids(stream)).toEqual([later.id]));
      });

      it('leaves the events in the whole log', async () => {
        const category = uniqueName('deleted').replaceAll('-', '');
        const stream = `${category}-golf`;
        const given = events(2);
        await log.append(stream, given, 'noStream');
        await log.deleteStream(stream, 1n);
        const read = await collect(log.readAll({ after: null, filter: { categories: [category] } }));
        expect(read.map(({ id }) => id)).toEqual(given.map(({ id }) => id));
      });

      it('refuses another revision, and a stream that is not there', async () => {
        const stream = uniqueName('contract');
        await log.append(stream, events(2), 'noStream');
        await expect(log.deleteStream(stream, 7n)).rejects.toMatchObject({ code: 'REVISION_CONFLICT', actual: 1n });
        expect(await ids(stream)).toHaveLength(2);
        await expect(log.deleteStream(uniqueName('contract'), 'any')).rejects.toMatchObject({
          code: 'REVISION_CONFLICT',
          actual: 'noStream',
        });
      });
    });

    describe('reading the whole log', () => {
      const [orders, views] = [uniqueName('orders').replaceAll('-', ''), uniqueName('views').replaceAll('-', '')];
      const [placed, seen] = [uniqueName('Placed'), uniqueName('Seen')];
      const written: { id: string; position: Position; category: string; type: string }[] = [];
      beforeAll(async () => {
        for (let index = 0; index < 12; index++) {
          const category = index % 3 === 0 ? orders : views;
          const type = index % 2 === 0 ? placed : seen;
          const given = event({ type });
          const { position } = await log.append(`${category}-golf.${index % 2}`, [given], 'any');
          written.push({ id: given.id, position, category, type });
        }
        await log.append(uniqueName('noise'), events(40), 'noStream');
      });
      const read = async (options: Omit<Parameters<EventLog['readAll']>[0], 'after'> & { after?: Position | null }) =>
        (await collect(log.readAll({ after: null, ...options }))).map(({ id }) => id);
      const those = (matching: (each: (typeof written)[number]) => boolean) => written.filter(matching).map(({ id }) => id);

      it('reads everything in order of positions', async () => {
        const positions: Position[] = [];
        const found: string[] = [];
        for await (const { position, id } of log.readAll({ after: null })) {
          positions.push(position);
          if (written.some((each) => each.id === id)) found.push(id);
        }
        expect(isRising(positions)).toBe(true);
        expect(found).toEqual(written.map(({ id }) => id));
      });
      it('filters by category, by type, and by both', async () => {
        expect(await read({ filter: { categories: [orders] } })).toEqual(those(({ category }) => category === orders));
        expect(await read({ filter: { categories: [orders, views] } })).toEqual(those(() => true));
        expect(await read({ filter: { types: [placed] } })).toEqual(those(({ type }) => type === placed));
        expect(await read({ filter: { categories: [views], types: [seen] } })).toEqual(
          those(({ category, type }) => category === views && type === seen),
        );
      });
      it('takes names as a whole, never as a beginning', async () => {
        expect(await read({ filter: { categories: [orders.slice(0, -1)] } })).toEqual([]);
        expect(await read({ filter: { types: [placed.slice(0, -1)] } })).toEqual([]);
        expect(await read({ filter: { categories: [] } })).toEqual([]);
      });
      it('begins after a position, excluding it, also one that the filter does not take', async () => {
        const all = { categories: [orders, views] };
        expect(await read({ after: written[4]!.position, filter: all })).toEqual(written.slice(5).map(({ id }) => id));
        const rest = written.slice(5).filter(({ category }) => category === orders);
        expect(await read({ after: written[4]!.position, filter: { categories: [orders] } })).toEqual(rest.map(({ id }) => id));
        expect(await read({ after: written.at(-1)!.position, filter: all })).toEqual([]);
      });
      it('stops at maxCount of matching events', async () => {
        expect(await read({ filter: { categories: [orders] }, maxCount: 2 })).toEqual(
          those(({ category }) => category === orders).slice(0, 2),
        );
        expect(await read({ filter: { categories: [orders] }, maxCount: 0 })).toEqual([]);
      });
      it('finds an event at its position, and nothing at others', async () => {
        expect((await log.readAt(written[3]!.position))?.id).toBe(written[3]!.id);
        expect(await log.readAt((written.at(-1)!.position + 10n ** 12n) as Position)).toBeUndefined();
      });
      it('knows its last position', async () => {
        const { position } = await log.append(uniqueName('contract'), events(1), 'noStream');
        const last = await log.lastPosition();
        expect(last !== null && last >= position).toBe(true);
      });
    });

    aboutSubscriptions(() => log);

    it('answers alike after a restart', async () => {
      const stream = uniqueName('contract');
      await log.append(stream, events(3), 'noStream');
      const before = await collect(log.readStream(stream));
      log = await opened.reopen();
      expect(await collect(log.readStream(stream))).toEqual(before);
      await expect(log.append(stream, events(1), 0n)).rejects.toBeInstanceOf(RevisionConflict);
      expect((await log.append(stream, events(1), 2n)).revision).toBe(3n);
    });
  });
}

function isRising(positions: readonly Position[]): boolean {
  return positions.every((position, index) => index === 0 || position > positions[index - 1]!);
}
