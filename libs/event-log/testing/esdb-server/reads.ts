import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type ServerWritableStream } from '@grpc/grpc-js';
import { type EsdbDatabase, type StoredEvent } from './database.js';
import { streamDeleted, unknown } from './failures.js';
import { streamName } from './writes.js';

type Options = streams.ReadReq.Options;
type ReadCall = ServerWritableStream<streams.ReadReq, streams.ReadResp>;

const backwards = 1;
/** A filtered subscription says how far it is after its multiplier times so many considered events. */
const checkpointEvents = 32;

/** Answers one `Read` call, finite or a subscription, and counts the events it says. @throws a ServiceError for what the real server refuses. */
export async function read(database: EsdbDatabase, call: ReadCall, counts: { eventsSaid: number }): Promise<void> {
  const options = call.request.getOptions();
  if (!options) throw unknown('no options');
  if (options.hasSubscription()) return subscribe(database, options, call, counts);
  const found = options.hasAll() ? readAll(database, options) : readStream(database, options);
  if (found === 'missing') {
    const missing = new streams.ReadResp.StreamNotFound().setStreamIdentifier(options.getStream()?.getStreamIdentifier());
    call.write(new streams.ReadResp().setStreamNotFound(missing));
  } else
    for (const event of found) {
      if (call.cancelled) return;
      counts.eventsSaid += 1;
      if (!call.write(said(event))) await drained(call);
    }
  call.end();
}

function* readAll(database: EsdbDatabase, options: Options): Generator<StoredEvent> {
  const { log } = database;
  const all = options.getAll();
  const isBackwards = options.getReadDirection() === backwards;
  const position = all?.getPosition();
  let at = position ? database.indexOf(BigInt(position.getCommitPosition())) : all?.hasEnd() ? log.length : 0;
  if (at < 0) throw unknown('the position is no record of the log');
  // Forwards includes the position, backwards excludes it.
  if (isBackwards) at -= 1;
  for (let left = Number(options.getCount()); left > 0; left--, at += isBackwards ? -1 : 1) {
    const event = log[at];
    if (!event) return;
    yield event;
  }
}

function readStream(database: EsdbDatabase, options: Options): readonly StoredEvent[] | 'missing' {
  const stream = options.getStream();
  const name = streamName(stream?.getStreamIdentifier());
  const visible = database.visible(name);
  if (visible === 'stream-deleted') throw streamDeleted(name);
  if (visible === 'missing') return visible;
  const count = Number(options.getCount());
  const from = stream?.hasRevision() ? BigInt(stream.getRevision()) : undefined;
  if (options.getReadDirection() === backwards) {
    const first = stream?.hasEnd() ? undefined : (from ?? 0n);
    return visible
      .filter(({ revision }) => first === undefined || revision <= first)
      .reverse()
      .slice(0, count);
  }
  if (stream?.hasEnd()) throw unknown('a stream cannot be read forwards from its end');
  return visible.filter(({ revision }) => revision >= (from ?? 0n)).slice(0, count);
}

async function subscribe(database: EsdbDatabase, options: Options, call: ReadCall, counts: { eventsSaid: number }): Promise<void> {
  const stream = options.getStream();
  const name = stream && streamName(stream.getStreamIdentifier());
  if (name !== undefined && database.visible(name) === 'stream-deleted') throw streamDeleted(name);
  const { log } = database;
  let at = startOf(database, options);
  const taken = filterOf(database, options, name);
  const interval = checkpointEvents * (options.getFilter()?.getCheckpointintervalmultiplier() ?? 0);
  let considered = 0;
  let isLive = false;
  const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID());
  call.write(new streams.ReadResp().setConfirmation(confirmation));
  while (!call.cancelled) {
    const event = log[at];
    if (event) {
      at += 1;
      const isTaken = taken(event);
      if (isTaken) counts.eventsSaid += 1;
      let flowing = !isTaken || call.write(said(event));
      if (interval > 0 && ++considered % interval === 0) flowing = call.write(checkpointAt(event.position)) && flowing;
      if (!flowing) await drained(call);
      // A long scan of what the filter does not take must not keep the process from everything else.
      else if (at % 4096 === 0) await new Promise(setImmediate);
    } else {
      if (!isLive) call.write(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
      isLive = true;
      await written(database, call);
    }
  }
}

/** The place in the log of the first record to consider: subscriptions exclude their start. */
function startOf(database: EsdbDatabase, options: Options): number {
  const { log } = database;
  const stream = options.getStream();
  if (stream) return stream.hasEnd() ? log.length : 0;
  const all = options.getAll();
  if (all?.hasEnd()) return log.length;
  const position = all?.getPosition();
  if (!position) return 0;
  const at = database.indexOf(BigInt(position.getCommitPosition()));
  if (at < 0) throw unknown('the position is no record of the log');
  return Math.min(at + 1, log.length);
}

function filterOf(database: EsdbDatabase, options: Options, name: string | undefined): (event: StoredEvent) => boolean {
  const stream = options.getStream();
  if (stream) {
    const visible = database.visible(name ?? '');
    const truncatedBefore = typeof visible === 'string' ? 0n : (visible[0]?.revision ?? 0n);
    const after = stream.hasRevision() ? BigInt(stream.getRevision()) : truncatedBefore - 1n;
    return (event) => event.stream === name && event.revision > after;
  }
  const filter = options.getFilter();
  const expression = filter?.getStreamIdentifier() ?? filter?.getEventType();
  if (!filter || !expression) return () => true;
  const said = filter.hasEventType() ? ({ type }: StoredEvent) => type : ({ stream: of }: StoredEvent) => of;
  const prefixes = expression.getPrefixList();
  if (prefixes.length > 0) return (event) => prefixes.some((prefix) => said(event).startsWith(prefix));
  const form = new RegExp(expression.getRegex());
  return (event) => form.test(said(event));
}

function said(event: StoredEvent): streams.ReadResp {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  recorded.setId(new shared.UUID().setString(event.id));
  recorded.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream)));
  recorded.setStreamRevision(`${event.revision}`);
  recorded.setCommitPosition(`${event.position}`);
  recorded.setPreparePosition(`${event.position}`);
  recorded.setData(event.data);
  recorded.setCustomMetadata(event.metadata);
  const described = recorded.getMetadataMap();
  described.set('type', event.type);
  described.set('content-type', event.contentType);
  // 100 ns ticks since 1970.
  described.set('created', `${BigInt(event.createdMs) * 10_000n}`);
  return new streams.ReadResp().setEvent(new streams.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(`${event.position}`));
}

function checkpointAt(position: bigint): streams.ReadResp {
  const checkpoint = new streams.ReadResp.Checkpoint().setCommitPosition(`${position}`).setPreparePosition(`${position}`);
  return new streams.ReadResp().setCheckpoint(checkpoint);
}

/** Waits until the client takes more, or is gone. */
async function drained(call: ReadCall): Promise<void> {
  const gone = new AbortController();
  const end = () => gone.abort();
  call.once('cancelled', end);
  // An abort is the only failure here, and the caller asks `cancelled` itself.
  await once(call, 'drain', { signal: gone.signal }).catch(() => undefined);
  call.off('cancelled', end);
}

async function written(database: EsdbDatabase, call: ReadCall): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      end();
      call.off('cancelled', done);
      resolve();
    };
    const end = database.onWrite(done);
    call.once('cancelled', done);
  });
}
