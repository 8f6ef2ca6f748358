import { describe, expect, it } from '@jest/globals';
import type { JsonObject, LogMessage, Position, RecordedEvent } from '#libs/event-log';
import { batchesOf, type EventBatch } from './event-buffer.js';

function event(position: number, data: JsonObject = {}): RecordedEvent {
  const metadata = { schema: 1, clientId: 'golf', actor: 'node:spec' };
  const place = { stream: 'behaviour-golf', revision: BigInt(position), position: BigInt(position) as Position, recordedAt: new Date(0) };
  return { id: `e${position}`, type: 'PageViewed', data, metadata, ...place };
}

const events = (...positions: number[]): LogMessage => ({ kind: 'events', events: positions.map((position) => event(position)) });
const caughtUp = (position: number | null): LogMessage => ({
  kind: 'caughtUp',
  position: position === null ? null : (BigInt(position) as Position),
});

async function* said(messages: readonly (LogMessage | Error)[]): AsyncIterable<LogMessage> {
  for (const message of messages) {
    if (message instanceof Error) throw message;
    yield message;
  }
}

const limits = { eventsMax: 3, bytesMax: 1_000, intervalMs: 0 };
const shape = ({ events: its, upTo, caughtUp: all }: EventBatch) =>
  `${its.map(({ position }) => position).join(' ')} to ${upTo}${all ? ', all' : ''}`;

async function batches(messages: readonly (LogMessage | Error)[], own: Partial<typeof limits> = {}): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of batchesOf(() => said(messages), { ...limits, ...own }, new AbortController().signal)) seen.push(shape(batch));
  return seen;
}

describe('batches', () => {
  it('hold no more events than the limit, in order', async () => {
    expect(await batches([events(1, 2, 3, 4, 5, 6, 7), caughtUp(7)])).toEqual(['1 2 3 to 3', '4 5 6 to 6', '7 to 7', ' to 7, all']);
  });

  it('hold no more bytes than the limit, and a larger event alone', async () => {
    const large: LogMessage = { kind: 'events', events: [event(1), event(2, { text: 'x'.repeat(2_000) }), event(3), event(4)] };
    expect(await batches([large])).toEqual(['1 to 1', '2 to 2', '3 4 to 4']);
  });

  it('say that the log has moved on without events, and nothing of an empty log', async () => {
    expect(await batches([caughtUp(5), caughtUp(9)])).toEqual([' to 5, all', ' to 9, all']);
    expect(await batches([caughtUp(null)])).toEqual([]);
  });

  it('say that the log has nothing more, also when it says so late', async () => {
    let say: () => void = () => undefined;
    const later = new Promise<void>((resolve) => {
      say = resolve;
    });
    async function* late(): AsyncIterable<LogMessage> {
      yield events(1);
      await later;
      yield caughtUp(1);
    }
    const seen: string[] = [];
    for await (const batch of batchesOf(late, limits, new AbortController().signal)) {
      seen.push(shape(batch));
      say();
    }
    expect(seen).toEqual(['1 to 1', ' to 1, all']);
  });

  it('come before the error of the subscription that followed them', async () => {
    const seen: string[] = [];
    const reading = (async () => {
      for await (const batch of batchesOf(() => said([events(1), new Error('away')]), limits, new AbortController().signal))
        seen.push(shape(batch));
    })();
    await expect(reading).rejects.toThrow('away');
    expect(seen).toEqual(['1 to 1']);
  });

  it('leave a quiet subscription when their reader leaves', async () => {
    let left = false;
    async function* quiet(signal: AbortSignal): AsyncIterable<LogMessage> {
      yield events(1);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      left = true;
    }
    for await (const _ of batchesOf(quiet, limits, new AbortController().signal)) break;
    expect(left).toBe(true);
  });
});
