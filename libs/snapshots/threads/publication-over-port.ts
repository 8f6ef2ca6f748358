import type { MessagePort } from 'node:worker_threads';
import { converse } from '#libs/threads';
import { refusal, refusalCode } from '../loading/image-loading.js';
import type { Announcement, Increment } from '../publication.js';
import type { NodePublication } from './node-publication.js';

/** What the thread that has the publication answers. */
type Offered = {
  fetch: NodePublication['fetch'];
  placeOf: NodePublication['placeOf'];
  increments: NodePublication['increments'];
  acknowledge: NodePublication['acknowledge'];
  /** Tells of everything before it resolves, and goes on until the port closes. */
  watch(): Promise<void>;
};

/** What the other is told, without waiting for it. */
type Told = {
  announced(announcement: Announcement): void;
  incremented(increment: Increment): void;
  unavailable(message: string): void;
};

/** Lets another thread use this one's publication, until the port closes. */
export function offerPublication(publication: NodePublication, port: MessagePort): void {
  const closing = new AbortController();
  const offered: Offered = {
    fetch: (announcement) => publication.fetch(announcement),
    placeOf: (announcement) => publication.placeOf(announcement),
    increments: (...which) => publication.increments(...which),
    acknowledge: (acknowledgement) => publication.acknowledge(acknowledgement),
    watch: () =>
      publication.watch(
        {
          announced: (announcement) => tell('announced', announcement),
          // Of a view all that is behind it would go along: increments that were fetched together, with each of them again.
          incremented: (increment) => tell('incremented', { ...increment, bytes: new Uint8Array(increment.bytes) }),
          unavailable: (error) => tell('unavailable', error.message),
        },
        closing.signal,
      ),
  };
  const other = converse<Told>(port, offered);
  const tell: typeof other.ask = (name, ...given) => {
    // Refused only by a thread that has ended: then nobody wants to know.
    const told = other.ask(name, ...given);
    told.catch(() => undefined);
    return told;
  };
  void other.closed.then(() => closing.abort());
}

/** The publication of the thread at the other end. One watch. */
export function publicationOver(port: MessagePort): NodePublication & { close(): void } {
  let listener: Parameters<NodePublication['watch']>[0] | undefined;
  const told: Told = {
    announced: (announcement) => listener?.announced(announcement),
    incremented: (increment) => listener?.incremented(increment),
    unavailable: (message) => listener?.unavailable?.(refusal({ code: '', message })),
  };
  const other = converse<Offered>(port, told);
  const asking = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    try {
      return await answer;
    } catch (error) {
      throw refusal({ code: refusalCode(error), message: error instanceof Error ? error.message : String(error) });
    }
  };
  return {
    fetch: ({ clientId, kind, sha256, bytes, url }) => asking(other.ask('fetch', { clientId, kind, sha256, bytes, url })),
    placeOf: ({ sha256, url }) => asking(other.ask('placeOf', { sha256, url })),
    increments: (...which) => asking(other.ask('increments', ...which)),
    acknowledge: (acknowledgement) => asking(other.ask('acknowledge', acknowledgement)),
    async watch(wanted, signal) {
      listener = wanted;
      signal.addEventListener('abort', () => {
        listener = undefined;
      });
      await asking(other.ask('watch'));
    },
    close: () => other.close(),
  };
}
