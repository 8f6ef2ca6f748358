import shared from '@eventstore/db-client/generated/shared_pb.js';
import rpc from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type ServerDuplexStream, type ServerReadableStream, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import any from 'google-protobuf/google/protobuf/any_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import { type AppendOutcome, appendBytesMax, type EsdbDatabase, type Expected, type ProposedEvent } from './database.js';
import { streamDeleted, tooLarge, unknown, wrongExpectedVersion } from './failures.js';

/** Runs one write under the server's hooks: `undefined` when it is never to be answered. @throws a ServiceError. */
export type Write = (apply: () => AppendOutcome) => Promise<AppendOutcome | undefined>;

export function handleAppend(
  database: EsdbDatabase,
  write: Write,
  call: ServerReadableStream<streams.AppendReq, streams.AppendResp>,
  answer: sendUnaryData<streams.AppendResp>,
): void {
  let options: streams.AppendReq.Options | undefined;
  const events: ProposedEvent[] = [];
  call.on('data', (request: streams.AppendReq) => {
    options ??= request.getOptions();
    const message = request.getProposedMessage();
    if (message) events.push(proposed(message));
  });
  // A client that goes away in the middle has sent nothing whole: there is no 'end' then.
  call.on('error', () => call.destroy());
  call.on('end', async () => {
    if (!options) return answer(unknown('no options'));
    const stream = streamName(options.getStreamIdentifier());
    const expected = expectedIn(options, options.hasRevision() ? options.getRevision() : undefined);
    try {
      const outcome = await write(() => database.append(stream, events, expected));
      if (!outcome) return;
      const response = new streams.AppendResp();
      if (outcome.kind === 'wrong-expected-version') response.setWrongExpectedVersion(conflictOf(expected, outcome.actual));
      else response.setSuccess(successOf(appended(stream, outcome)));
      answer(null, response);
    } catch (error) {
      // Only failures.ts's errors are thrown here; grpc-js answers others with UNKNOWN.
      answer(error as ReturnType<typeof unknown>);
    }
  });
}

export function handleBatchAppend(
  database: EsdbDatabase,
  write: Write,
  call: ServerDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>,
): void {
  const begun = new Map<string, { options: streams.BatchAppendReq.Options; events: ProposedEvent[] }>();
  call.on('error', () => call.destroy());
  call.on('end', () => call.end());
  call.on('data', async (request: streams.BatchAppendReq) => {
    const id = request.getCorrelationId();
    const key = id?.getString() ?? '';
    const options = request.getOptions();
    if (options) begun.set(key, { options, events: [] });
    const batch = begun.get(key);
    if (!batch) return;
    batch.events.push(...request.getProposedMessagesList().map(proposed));
    if (!request.getIsFinal()) return;
    begun.delete(key);
    const stream = streamName(batch.options.getStreamIdentifier());
    const expected = expectedIn(batch.options, batch.options.hasStreamPosition() ? batch.options.getStreamPosition() : undefined);
    try {
      const outcome = await write(() => database.append(stream, batch.events, expected));
      if (!outcome) return;
      const response = new streams.BatchAppendResp();
      response.setCorrelationId(id);
      response.setStreamIdentifier(batch.options.getStreamIdentifier());
      if (outcome.kind === 'appended') {
        const success = new streams.BatchAppendResp.Success();
        success.setCurrentRevision(`${outcome.revision}`);
        const position = new shared.AllStreamPosition();
        success.setPosition(position.setCommitPosition(`${outcome.commit}`).setPreparePosition(`${outcome.prepare}`));
        response.setSuccess(success);
      } else response.setError(batchError(outcome, expected));
      call.write(response);
    } catch (error) {
      // As a real stream that the server ends.
      call.destroy(error as Error);
    }
  });
}

export function handleDelete(
  write: Write,
  remove: (stream: string, expected: Expected) => AppendOutcome,
  call: ServerUnaryCall<streams.DeleteReq, streams.DeleteResp>,
  answer: sendUnaryData<streams.DeleteResp>,
): void {
  void positionOfDeletion(write, remove, call.request.getOptions()).then((position) => {
    if (position === undefined) return;
    const at = new streams.DeleteResp.Position();
    at.setCommitPosition(`${position}`);
    at.setPreparePosition(`${position}`);
    answer(null, new streams.DeleteResp().setPosition(at));
  }, answer);
}

export function handleTombstone(
  write: Write,
  remove: (stream: string, expected: Expected) => AppendOutcome,
  call: ServerUnaryCall<streams.TombstoneReq, streams.TombstoneResp>,
  answer: sendUnaryData<streams.TombstoneResp>,
): void {
  void positionOfDeletion(write, remove, call.request.getOptions()).then((position) => {
    if (position === undefined) return;
    const at = new streams.TombstoneResp.Position();
    at.setCommitPosition(`${position}`);
    at.setPreparePosition(`${position}`);
    answer(null, new streams.TombstoneResp().setPosition(at));
  }, answer);
}

async function positionOfDeletion(
  write: Write,
  remove: (stream: string, expected: Expected) => AppendOutcome,
  options: streams.DeleteReq.Options | streams.TombstoneReq.Options | undefined,
): Promise<bigint | undefined> {
  if (!options) throw unknown('no options');
  const stream = streamName(options.getStreamIdentifier());
  const expected = expectedIn(options, options.hasRevision() ? options.getRevision() : undefined);
  const outcome = await write(() => remove(stream, expected));
  if (!outcome) return undefined;
  if (outcome.kind === 'wrong-expected-version') throw wrongExpectedVersion(stream, expected, outcome.actual);
  return appended(stream, outcome).commit;
}

function appended(stream: string, outcome: AppendOutcome): Extract<AppendOutcome, { kind: 'appended' }> {
  if (outcome.kind === 'appended') return outcome;
  if (outcome.kind === 'stream-deleted') throw streamDeleted(stream);
  if (outcome.kind === 'too-large') throw tooLarge();
  throw unknown('an event is not valid');
}

export function streamName(identifier: shared.StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
}

function proposed(message: streams.AppendReq.ProposedMessage | streams.BatchAppendReq.ProposedMessage): ProposedEvent {
  const described = message.getMetadataMap();
  return {
    id: message.getId()?.getString() ?? '',
    type: described.get('type') ?? '',
    contentType: described.get('content-type') ?? 'application/octet-stream',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

interface ExpectedOptions {
  hasNoStream(): boolean;
  hasStreamExists(): boolean;
}

function expectedIn(options: ExpectedOptions, revision: string | undefined): Expected {
  if (revision !== undefined) return BigInt(revision);
  if (options.hasNoStream()) return 'no_stream';
  return options.hasStreamExists() ? 'stream_exists' : 'any';
}

function successOf({ revision, prepare, commit }: Extract<AppendOutcome, { kind: 'appended' }>): streams.AppendResp.Success {
  const at = new streams.AppendResp.Position();
  at.setCommitPosition(`${commit}`);
  at.setPreparePosition(`${prepare}`);
  const success = new streams.AppendResp.Success();
  success.setCurrentRevision(`${revision}`);
  success.setPosition(at);
  return success;
}

function conflictOf(expected: Expected, actual: bigint): streams.AppendResp.WrongExpectedVersion {
  const conflict = new streams.AppendResp.WrongExpectedVersion();
  if (actual < 0n) conflict.setCurrentNoStream(new shared.Empty());
  else conflict.setCurrentRevision(`${actual}`);
  if (typeof expected === 'bigint') conflict.setExpectedRevision(`${expected}`);
  else if (expected === 'no_stream') conflict.setExpectedNoStream(new shared.Empty());
  else if (expected === 'stream_exists') conflict.setExpectedStreamExists(new shared.Empty());
  else conflict.setExpectedAny(new shared.Empty());
  return conflict;
}

function batchError(outcome: Exclude<AppendOutcome, { kind: 'appended' }>, expected: Expected): rpc.Status {
  const [name, details] = batchErrorDetails(outcome, expected);
  const packed = new any.Any();
  packed.pack(details.serializeBinary(), `event_store.client.${name}`);
  return new rpc.Status().setMessage(name).setDetails(packed);
}

function batchErrorDetails(outcome: Exclude<AppendOutcome, { kind: 'appended' }>, expected: Expected) {
  switch (outcome.kind) {
    case 'stream-deleted':
      return ['StreamDeleted', new shared.StreamDeleted()] as const;
    case 'too-large':
      return ['MaximumAppendSizeExceeded', new shared.MaximumAppendSizeExceeded().setMaxappendsize(appendBytesMax)] as const;
    case 'invalid':
      return ['Unknown', new shared.Unknown()] as const;
    case 'wrong-expected-version': {
      const wrong = new shared.WrongExpectedVersion();
      if (outcome.actual < 0n) wrong.setCurrentNoStream(new empty.Empty());
      else wrong.setCurrentStreamRevision(`${outcome.actual}`);
      if (typeof expected === 'bigint') wrong.setExpectedStreamPosition(`${expected}`);
      else if (expected === 'no_stream') wrong.setExpectedNoStream(new empty.Empty());
      else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new empty.Empty());
      else wrong.setExpectedAny(new empty.Empty());
      return ['WrongExpectedVersion', wrong] as const;
    }
  }
}
