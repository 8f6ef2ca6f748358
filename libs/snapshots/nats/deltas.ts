import { type JetStream, NatsUnavailable, type StoredMessage } from '#libs/nats';
import { type IncrementHead, readIncrementHead, readStoredIncrement, storedIncrement } from '../files/increment-files.js';
import type { Announcement, Increment } from '../publication.js';

const stream = 'vitrine-delta';
/** NATS takes 1 MiB with headers by default. What is larger is told of here, and had from the builder. */
const messageBytesMax = 1_000_000;

/** The newest increment of a client, of whichever base. */
export interface LastDelta {
  readonly head: IncrementHead;
  /** Undefined for one that is too large for a message. */
  readonly increment: Increment | undefined;
  /** Of the message. */
  readonly messageSequence: number;
}

/**
 * Increments as messages `vitrine.delta.{clientId}`. A message's acceptance is the increment's publication: it is put after the subject's last
 * message as the writer knew it, so that of two builders only one puts each sequence. Kept for an hour; the builder's folder has all.
 */
export class Deltas {
  constructor(
    private readonly jetStream: JetStream,
    private readonly options: { readonly retentionMs: number; readonly replicas: number; readonly fromLeader: boolean },
  ) {}

  async ensure(): Promise<void> {
    const { retentionMs, replicas } = this.options;
    await this.jetStream.ensureStream({
      name: stream,
      subjects: ['vitrine.delta.*'],
      max_age: retentionMs * 1_000_000,
      duplicate_window: Math.min(retentionMs, 120_000) * 1_000_000,
      num_replicas: replicas,
      storage: 'file',
      retention: 'limits',
      discard: 'old',
      allow_direct: true,
    });
  }

  async last(clientId: string): Promise<LastDelta | undefined> {
    const subject = subjectOf(clientId);
    const found = await (this.options.fromLeader ? this.jetStream.lastOfLeader(stream, subject) : this.jetStream.last(stream, subject));
    return found === undefined ? undefined : read(found);
  }

  /** False: another message came after the one that is named (0: none). */
  async put(increment: Increment, after: number): Promise<boolean> {
    const whole = storedIncrement(increment);
    const stored = whole.length > messageBytesMax ? whole.subarray(0, whole.indexOf(10) + 1) : whole;
    return (await this.jetStream.put(subjectOf(increment.clientId), stored, after)) !== undefined;
  }

  /** As far as they are here: in order, without gaps. */
  async after(clientId: string, base: string, afterSequence: number): Promise<Increment[]> {
    const found: Increment[] = [];
    for (let from = 1; ; ) {
      const message = await this.jetStream.next(stream, subjectOf(clientId), from);
      if (message === undefined) return found;
      const { head, increment } = read(message);
      if (head.base === base && head.sequence === afterSequence + found.length + 1) {
        if (increment === undefined) return found;
        found.push(increment);
      }
      from = message.sequence + 1;
    }
  }
}

/** The pointer with what the newest message adds to it. */
export function withDelta(pointer: Announcement, last: LastDelta | undefined): Announcement {
  if (last === undefined || last.head.base !== pointer.version || last.head.sequence <= pointer.increment) return pointer;
  const { sequence, position } = last.head;
  return { ...pointer, increment: sequence, position: later(position, pointer.position) };
}

function read(message: StoredMessage): LastDelta {
  const data = Buffer.from(message.data);
  const lineEnd = data.indexOf(10);
  const head = readIncrementHead(data.toString('utf8', 0, lineEnd));
  const isWhole = data.length > lineEnd + 1 || head.bytes === 0;
  return { head, increment: isWhole ? readStoredIncrement(data) : undefined, messageSequence: message.sequence };
}

function subjectOf(clientId: string): string {
  // Also keeps a wildcard from ever becoming part of a subject.
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(clientId)) throw new NatsUnavailable(`${JSON.stringify(clientId)} is no client id`);
  return `vitrine.delta.${clientId}`;
}

export function later(a: Announcement['position'], b: Announcement['position']): Announcement['position'] {
  if (a > b) return a;
  return b;
}
