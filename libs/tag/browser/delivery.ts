/**
 * Behaviour on its way to the edge: kept on the page's disk until the edge has it, sent in order, sent again while the edge is away, and by
 * the next page when this one is gone. Each event has one id for ever, so that what arrives twice counts once.
 */
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
  add(event: Held): void;
  /** Sends what waits, now. */
  send(): void;
  /** Takes in what earlier pages could not deliver. */
  recover(): void;
  /** The page goes: nobody will see an answer. */
  leave(): void;
  /** Consent was taken back: what waits is deleted. */
  drop(): void;
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

export function delivery({ clientId, edge, say }: Settings, visitor: Identity): Delivery {
  const address = `${edge}/e/${clientId}`;
  const prefix = `vt_e_${clientId}_`;
  const held = new Map<string, Held>();
  let underWay: readonly Held[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const keep = (event: Held): void => onDisk((disk) => event.customerId && disk.setItem(prefix + event.messageId, JSON.stringify(event)));
  const release = (messageId: string): void => {
    held.delete(messageId);
    onDisk((disk) => disk.removeItem(prefix + messageId));
  };
  const later = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(send, ms);
  };

  /** The next events in order, as many as one request takes; undefined while nobody knows whose they are. */
  const nextBatch = (from: Iterable<Held>): { events: Held[]; body: string } | undefined => {
    const events: Held[] = [];
    let body = '';
    for (const event of from) {
      if (!event.customerId) {
        Object.assign(event, visitor.who());
        if (!event.customerId) break;
        keep(event);
      }
      const { at, ...item } = event;
      const text = JSON.stringify(Date.now() - at < promptMs ? item : { ...item, timestamp: new Date(at).toISOString() });
      if (events.length > 0 && body.length + text.length > bodyLengthMax) break;
      body += (body && ',') + text;
      events.push(event);
    }
    return events.length > 0 ? { events, body: `{"batch":[${body}]}` } : undefined;
  };

  const send = (): void => {
    if (underWay.length > 0) return;
    const batch = nextBatch(held.values());
    if (!batch) return;
    clearTimeout(timer);
    underWay = batch.events;
    // Text needs no preflight.
    fetch(address, { method: 'POST', body: batch.body, keepalive: batch.body.length < bodyLengthMax + 100 })
      .then(async (answer) => {
        const { status } = answer;
        if (status >= 500 || status === 429 || status === 408) throw status;
        for (const { messageId } of batch.events) release(messageId);
        failures = 0;
        say('sent', batch.events.map(({ type }) => type).join(', '), status, await answer.text());
      })
      .catch((reason: unknown) => {
        // What was released is not tried again, whatever failed after it.
        failures += 1;
        say('not sent, tried again later', reason);
      })
      .then(() => {
        underWay = [];
        if (held.size > 0) later(failures > 0 ? Math.min(retryMsMax, 500 * 2 ** failures) * (0.5 + Math.random() / 2) : 0);
      });
  };

  return {
    send,
    add(event) {
      Object.assign(event, visitor.who());
      held.set(event.messageId, event);
      keep(event);
      const [oldest] = held.keys();
      if (held.size > heldMax && oldest) release(oldest);
      if (failures === 0) later(gatherMs);
    },
    recover() {
      onDisk((disk) => {
        const waiting = Object.keys(disk)
          .filter((key) => key.startsWith(prefix))
          .flatMap((key) => {
            const event = stored(disk.getItem(key));
            if (event && Date.now() - event.at < heldMsMax) return event;
            disk.removeItem(key);
            return [];
          });
        for (const event of waiting.sort((a, b) => a.at - b.at).slice(-heldMax)) held.set(event.messageId, event);
        if (waiting.length > 0) say('from earlier pages', waiting.length);
      });
    },
    leave() {
      visitor.is(newId(), 'edge');
      // A request that a browser does not keep alive ends with its page: then it goes once more.
      const outlives = 'keepalive' in Request.prototype;
      let rest = [...held.values()].filter((event) => !outlives || !underWay.includes(event));
      for (let batch = nextBatch(rest); batch; batch = nextBatch(rest)) {
        if (!navigator.sendBeacon(address, batch.body)) break;
        rest = rest.slice(batch.events.length);
      }
    },
    drop() {
      held.clear();
      onDisk((disk) => {
        for (const key of Object.keys(disk)) if (key.startsWith(prefix)) disk.removeItem(key);
      });
    },
  };
}

function stored(text: string | null): Held | undefined {
  try {
    const event = JSON.parse(text ?? '') as Held | null;
    return event?.messageId && event.at ? event : undefined;
  } catch {
    return undefined;
  }
}

/** The page may have no disk (refused, full): then its memory is all there is. */
function onDisk(use: (disk: Storage) => unknown): void {
  try {
    use(localStorage);
  } catch {
    // Nothing of the page depends on it.
  }
}
