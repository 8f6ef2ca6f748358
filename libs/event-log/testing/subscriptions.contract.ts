import { describe, expect, it } from '@jest/globals';
import type { EventLog, LogMessage, Position, SubscribeOptions } from '../event-log.js';
import { event, events, eventually, uniqueName } from './given-events.js';

/** A subscription being read: what it said so far, and how it ended. */
function listen(log: EventLog, options: Omit<SubscribeOptions, 'signal'>) {
  const stop = new AbortController();
  const messages: LogMessage[] = [];
  const ended = (async () => {
    for await (const message of log.subscribe({ ...options, signal: stop.signal })) messages.push(message);
  })();
  const ids = () => messages.flatMap((message) => (message.kind === 'events' ? message.events.map(({ id }) => id) : []));
  const end = async () => {
    stop.abort();
    await ended;
  };
  return { messages, ids, end };
}

/** Part of the contract suite of event-log.contract.ts. */
export function aboutSubscriptions(current: () => EventLog): void {
  describe('subscribing', () => {
    const category = () => uniqueName('subscribed').replaceAll('-', '');

    it('says existing events, then that it caught up, then new ones as they come', async () => {
      const name = category();
      const log = current();
      const old = events(5);
      const { position } = await log.append(`${name}-golf`, old, 'noStream');
      const heard = listen(log, { after: null, filter: { categories: [name] } });
      await eventually(() => expect(heard.messages.at(-1)?.kind).toBe('caughtUp'));
      expect(heard.ids()).toEqual(old.map(({ id }) => id));
      const caughtUp = heard.messages.at(-1);
      expect(caughtUp?.kind === 'caughtUp' && caughtUp.position !== null && caughtUp.position >= position).toBe(true);
      const more = events(3);
      await log.append(`${name}-golf`, more, 4n);
      await eventually(() => expect(heard.ids()).toEqual([...old, ...more].map(({ id }) => id)));
      await eventually(() => expect(heard.messages.at(-1)?.kind).toBe('caughtUp'));
      await heard.end();
    });

    it('begins after a position, excluding it', async () => {
      const name = category();
      const log = current();
      const first = await log.append(`${name}-golf`, events(2), 'noStream');
      const rest = events(2);
      await log.append(`${name}-golf`, rest, 1n);
      const heard = listen(log, { after: first.position, filter: { categories: [name] } });
      await eventually(() => expect(heard.ids()).toEqual(rest.map(({ id }) => id)));
      await heard.end();
    });

    it('begins after the end, and before anything of the category exists', async () => {
      const name = category();
      const log = current();
      const heard = listen(log, { after: await log.lastPosition(), filter: { categories: [name] } });
      await eventually(() => expect(heard.messages).toContainEqual(expect.objectContaining({ kind: 'caughtUp' })));
      const given = event();
      await log.append(`${name}-golf.1`, [given], 'noStream');
      await eventually(() => expect(heard.ids()).toEqual([given.id]));
      await heard.end();
    });

    it('tells a filtered reader how far the log has gone', async () => {
      const name = category();
      const log = current();
      const heard = listen(log, { after: null, filter: { categories: [name], types: [uniqueName('Never')] } });
      await eventually(() => expect(heard.messages.at(-1)?.kind).toBe('caughtUp'));
      // Enough that a server which reports its progress every so many events does so.
      let position = 0n as Position;
      for (let round = 0; round < 4; round++) ({ position } = await log.append(uniqueName('noise'), events(500), 'noStream'));
      await eventually(() => {
        const last = heard.messages.at(-1);
        expect(last?.kind === 'caughtUp' && last.position !== null && last.position >= position).toBe(true);
      });
      expect(heard.ids()).toEqual([]);
      await heard.end();
    });

    it('filters by type, old and new', async () => {
      const log = current();
      const type = uniqueName('Type');
      const [before, after] = [event({ type }), event({ type })];
      const stream = uniqueName('contract');
      await log.append(stream, [event(), before, event()], 'noStream');
      const heard = listen(log, { after: null, filter: { types: [type] } });
      await eventually(() => expect(heard.ids()).toEqual([before.id]));
      await log.append(stream, [event(), after], 2n);
      await eventually(() => expect(heard.ids()).toEqual([before.id, after.id]));
      await heard.end();
    });

    it('keeps to batchMax, loses nothing and repeats nothing while others append', async () => {
      const name = category();
      const log = current();
      const heard = listen(log, { after: null, filter: { categories: [name] }, batchMax: 7 });
      const written: string[] = [];
      for (let round = 0; round < 20; round++) {
        const given = events(11);
        await log.append(`${name}-golf.${round % 3}`, given, 'any');
        written.push(...given.map(({ id }) => id));
      }
      await eventually(() => expect(heard.ids()).toHaveLength(written.length));
      expect(heard.ids()).toEqual(written);
      for (const message of heard.messages) if (message.kind === 'events') expect(message.events.length).toBeLessThanOrEqual(7);
      await heard.end();
    });

    it('says each event to each of several subscribers', async () => {
      const name = category();
      const log = current();
      const heard = [1, 2, 3].map(() => listen(log, { after: null, filter: { categories: [name] } }));
      const given = events(20);
      await log.append(`${name}-golf`, given, 'noStream');
      for (const each of heard) await eventually(() => expect(each.ids()).toEqual(given.map(({ id }) => id)));
      await Promise.all(heard.map((each) => each.end()));
    });

    it('waits for a slow reader and goes on where it was', async () => {
      const name = category();
      const log = current();
      const given = events(30);
      await log.append(`${name}-golf`, given, 'noStream');
      const stop = new AbortController();
      const ids: string[] = [];
      for await (const message of log.subscribe({ after: null, filter: { categories: [name] }, batchMax: 10, signal: stop.signal })) {
        if (message.kind === 'caughtUp') break;
        // Another append while the reader is busy with this batch.
        await log.append(uniqueName('noise'), events(1), 'noStream');
        ids.push(...message.events.map(({ id }) => id));
      }
      expect(ids).toEqual(given.map(({ id }) => id));
    });

    it('ends without an error when the signal says so, also before it began', async () => {
      const log = current();
      const heard = listen(log, { after: await log.lastPosition() });
      await eventually(() => expect(heard.messages.length).toBeGreaterThan(0));
      await heard.end();
      const stopped = AbortSignal.abort();
      for await (const message of log.subscribe({ after: null, signal: stopped })) throw new Error(`heard ${message.kind}`);
    });
  });
}
