import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { NewEvent } from '../event-log.js';

/** A name that no other test uses: `<prefix>-<random>`. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}

export function event(given: Partial<NewEvent> = {}): NewEvent {
  return { id: randomUUID(), type: 'Asked', data: { n: 1 }, metadata: { schema: 1, clientId: 'golf', actor: 'system' }, ...given };
}

export function events(count: number, given: Partial<NewEvent> = {}): NewEvent[] {
  return Array.from({ length: count }, (_, n) => event({ data: { n }, ...given }));
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** A real server's log may hold millions of events, and a reader from its beginning has to pass them first. */
const eventuallyMsMax = 30_000;

/** Repeats an assertion until it holds. @throws its last failure when the limit has passed. */
export async function eventually(assertion: () => Promise<void> | void, limitMs = eventuallyMsMax): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    try {
      return await assertion();
    } catch (failure) {
      if (Date.now() >= end) throw failure;
      await delay(20);
    }
  }
}
