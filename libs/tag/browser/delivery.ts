/**
 * Behaviour on its way to the edge: kept on the page's disk until the edge has it, sent in order, sent again while the edge is away, and by
 * the next page when this one is gone. Each event has one id for ever, so that what arrives twice counts once.
 */
import { attempt } from './attempt.js';
import { type Identity, newId } from './identity.js';
import type { Settings } from './settings.js';

/** An event as it waits. `at` is the page's clock. */
export interface Held {
  readonly type: string;
  readonly messageId: string;
  readonly properties: object;
  readonly at: number;
  customerId?: string | undefined;
  sessionId?: string | undefined;
}

export interface Delivery {
  /** Begins the keys of events; written itself, when consent is taken back. */
  readonly prefix: string;
  add(event: Held): void;
  /** Sends what waits, now. */
  send(): void;
  /** Takes in what earlier pages could not deliver. */
  recover(): void;
  /** The page goes: nobody will see an answer. */
  leave(): void;
  /** Consent was taken back: what waits is deleted. `given` on this page: others are told. */
  drop(given?: unknown): void;
}

/** Events that wait at most; past it the oldest goes. */
export const heldMax = 500;
/** The edge knows a repeat for 30 days. */
const heldMsMax = 28 * 86_400_000;
/** Characters of a request: browsers take 64 KiB of requests that outlive their page, and a character has up to three bytes. */
const bodyLengthMax = 20_000;
/** What follows within this time goes along. */
const gatherMs = 50;
/** An event younger than this has the edge's time, which is right; an older one that of the visitor's clock. */
const promptMs = 5000;
const retryMsMax = 30_000;

export function delivery({ clientId, edge, say, guarded }: Settings, visitor: Identity): Delivery {
  const address = `${edge}/e/${clientId}`;
  // A client's id holds no point: what begins like this is of no other client.
  const prefix = `vt_e_${clientId}.`;
  const held = new Map<string, Held>();
  let underWay: readonly Held[] | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const keep = (event: Held): void => {
    Object.assign(event, visitor.who());
    onDisk((disk) => event.customerId && disk.setItem(prefix + event.messageId, JSON.stringify(event)));
  };
  const release = (messageId: string): void => {
    held.delete(messageId);
    onDisk((disk) => disk.removeItem(prefix + messageId));
  };
  const onEach = (use: (disk: Storage, key: string) => unknown): void =>
    onDisk((disk) => {
      for (const key of Object.keys(disk)) if (key.startsWith(prefix)) use(disk, key);
    });
  const later = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(guarded(send), ms);
  };

  /** The next events in order, as many as one request takes; undefined while nobody knows whose they are. */
  const nextBatch = (from: Iterable<Held>): { events: Held[]; body: string } | undefined => {
    const events: Held[] = [];
    let body = '';
    for (const event of from) {
      if (!event.customerId) keep(event);
      if (!event.customerId) break;
      const { at, ...item } = event;
      const text = JSON.stringify(Date.now() - at < promptMs ? item : { ...item, timestamp: new Date(Number(at)).toISOString() });
      if (body && body.length + text.length > bodyLengthMax) break;
      body += (body && ',') + text;
      events.push(event);
    }
    return body ? { events, body: `{"batch":[${body}]}` } : undefined;
  };

  const send = (): void => {
    const batch = nextBatch(held.values());
    if (underWay || !batch) return;
    clearTimeout(timer);
    underWay = batch.events;
    // Text needs no preflight.
    fetch(address, { method: 'POST', body: batch.body, keepalive: batch.body.length < bodyLengthMax + 100 })
      .then(async (answer) => {
        const { status } = answer;
        // Too slow, too much, or not now: any other refusal would be the same again.
        if (status >= 500 || status === 429 || status === 408) throw status;
        for (const event of batch.events) release(event.messageId);
        failures = 0;
        say('sent', batch.body, status, await answer.text());
      })
      .catch((reason: unknown) => {
        failures += 1;
        say('not sent', reason);
      })
      .then(() => {
        underWay = undefined;
        later(failures && Math.min(retryMsMax, 500 * 2 ** failures) * (0.5 + Math.random() / 2));
      });
  };

  return {
    prefix,
    send,
    add(event) {
      held.set(event.messageId, event);
      keep(event);
      for (const oldest of held.keys()) if (held.size > heldMax) release(oldest);
      if (!failures) later(gatherMs);
    },
    recover() {
      const waiting: Held[] = [];
      onEach((disk, key) => {
        // Whoever writes on this disk, a time that is none and an event that would never go away do not pass.
        const event = attempt((): Held | null => JSON.parse(disk.getItem(key) ?? ''));
        if (event && key === prefix + event.messageId && Math.abs(Date.now() - event.at) < heldMsMax) waiting.push(event);
        else disk.removeItem(key);
      });
      for (const event of waiting.sort((a, b) => a.at - b.at).slice(-heldMax)) held.set(event.messageId, event);
      say('recovered', waiting);
    },
    leave() {
      visitor.told(newId());
      clearTimeout(timer);
      // Also what is under way, in a browser that lets no request outlive its page.
      let rest = [...held.values()].filter((event) => !underWay?.includes(event) || !('keepalive' in Request.prototype));
      for (let batch = nextBatch(rest); batch && navigator.sendBeacon(address, batch.body); batch = nextBatch(rest)) {
        rest = rest.slice(batch.events.length);
      }
    },
    drop(given) {
      held.clear();
      onEach((disk, key) => disk.removeItem(key));
      // The key of no event: the browser tells other open pages of this origin that it was written.
      if (given !== undefined) onDisk((disk) => disk.setItem(prefix, ''));
      release('');
    },
  };
}

/** The page may have no disk (refused, full): then its memory is all there is. */
function onDisk(use: (disk: Storage) => unknown): void {
  attempt(() => use(localStorage));
}
