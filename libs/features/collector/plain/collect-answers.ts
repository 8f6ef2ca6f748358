import { DateHeader, responseBytes } from '#libs/plain-http';
import { crossOrigin, json } from '../collect-http.js';
import type { Collecting } from '../collecting.js';
import type { Refusal } from '../refusal.js';

/** Clients, and pairs of a client and a declared origin, for which responses are kept. */
const knownMax = 10_000;

interface Known {
  readonly origins: readonly string[];
  readonly crossOrigin: Readonly<Record<string, string>>;
  /** By the number of events. */
  readonly accepted: Map<number, Buffer>;
}

/** Responses to batches: the same for all of a client's pages, but for the number of events and the time of day. */
export class CollectAnswers {
  private readonly date = new DateHeader();
  private readonly known = new Map<string, Known>();
  /** Of the responses that are kept. */
  private second = -1;

  constructor(
    private readonly collecting: Collecting,
    /** Of the server. */
    private readonly keepAliveSeconds: number,
  ) {}

  /** To a batch of which nothing was refused. */
  accepted(clientId: string, origin: string | undefined, count: number, isLast: boolean): Buffer {
    const known = this.of(clientId, origin);
    const body = () => `{"accepted":${count},"rejected":[]}`;
    if (isLast) return this.bytes(known, 202, {}, body(), null);
    const found = known.accepted.get(count);
    if (found !== undefined) return found;
    const made = this.bytes(known, 202, {}, body(), this.keepAliveSeconds);
    known.accepted.set(count, made);
    return made;
  }

  /** To any other that was taken in. */
  collected(clientId: string, origin: string | undefined, text: string, isLast: boolean): Buffer {
    return this.bytes(this.of(clientId, origin), 202, {}, text, isLast ? null : this.keepAliveSeconds);
  }

  refused(clientId: string, origin: string | undefined, { status, code, message, retryAfter }: Refusal, isLast: boolean): Buffer {
    const own = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
    const text = JSON.stringify({ code, message });
    return this.bytes(this.of(clientId, origin), status, own, text, isLast ? null : this.keepAliveSeconds);
  }

  private bytes(known: Known, status: number, own: Record<string, string>, body: string, keepAliveSeconds: number | null): Buffer {
    return responseBytes(known.crossOrigin, { status, headers: { ...own, ...json }, body }, this.date.text, keepAliveSeconds);
  }

  private of(clientId: string, origin: string | undefined): Known {
    this.date.at(Date.now());
    if (this.second !== this.date.second) {
      this.known.clear();
      this.second = this.date.second;
    }
    const origins = this.collecting.originsOf(clientId);
    // Origins that are not declared share one entry: what a caller makes up takes no memory.
    const key = origin !== undefined && origins.includes(origin) ? `${clientId} ${origin}` : clientId;
    let known = this.known.get(key);
    // A client that is revised has other origins.
    if (known?.origins !== origins) {
      if (this.known.size >= knownMax) this.known.clear();
      known = { origins, crossOrigin: crossOrigin(this.collecting, 'POST', clientId, origin), accepted: new Map() };
      this.known.set(key, known);
    }
    return known;
  }
}
