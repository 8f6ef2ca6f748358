import { headers, type Msg } from 'nats';
import type { NatsLink } from './connection.js';
import { BucketMissing, NatsFailure, NatsUnavailable } from './errors.js';

/** What JetStream has under a subject. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  /** When the server stored it, by its clock, in milliseconds. */
  readonly storedAtMs: number;
  readonly data: Uint8Array;
  /** `DEL` or `PURGE` for a key that was removed; else empty. */
  readonly operation: string;
}

export interface StreamState {
  readonly lastSequence: number;
  /** When the stream was made: another one after it was wiped. */
  readonly created: string;
  readonly subjects: readonly string[];
}

interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** Error codes of nats-server, `server/errors.json`. */
const streamNotFound = 10059;
const streamNameInUse = 10058;
const wrongLastSequence = 10071;
const noMessage = 10037;

/**
 * The few verbs of JetStream that are used, said directly over request and reply: each is one request to one subject, which is also all that
 * a user with few rights must be allowed (https://docs.nats.io/reference/reference-protocols/nats_api_reference).
 */
export class JetStream {
  constructor(readonly link: NatsLink) {}

  /** Makes the stream when there is none of the name; one that is there stays as it is. */
  async ensureStream(config: Readonly<Record<string, unknown>> & { readonly name: string }): Promise<void> {
    await this.api(`STREAM.CREATE.${config.name}`, config).catch((error: unknown) => {
      if (!(error instanceof NatsFailure && codeOf(error) === streamNameInUse)) throw error;
    });
  }

  /**
   * Stores a message. `after`: only if the subject's last message has this sequence (0: there is none).
   * @returns its sequence, or undefined when another message stands there.
   */
  async put(subject: string, data: Uint8Array | string, after?: number): Promise<number | undefined> {
    const head = headers();
    if (after !== undefined) head.set('Nats-Expected-Last-Subject-Sequence', String(after));
    const answer = await this.answered(subject, data, head);
    if (answer.error === undefined) return Number(answer.seq);
    if (answer.error.err_code === wrongLastSequence) return undefined;
    throw failure(subject, answer.error);
  }

  /** The subject's last message, from the server that answers fastest: it may be behind by a moment in a cluster. */
  async last(stream: string, subject: string): Promise<StoredMessage | undefined> {
    return this.direct(`$JS.API.DIRECT.GET.${stream}.${subject}`, '');
  }

  /** The first message of the subject with this sequence or a greater one. */
  async next(stream: string, subject: string, sequence: number): Promise<StoredMessage | undefined> {
    return this.direct(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify({ seq: sequence, next_by_subj: subject }));
  }

  /** The subject's last message, as the stream's leader knows it. */
  async lastOfLeader(stream: string, subject: string): Promise<StoredMessage | undefined> {
    try {
      const { message } = (await this.api(`STREAM.MSG.GET.${stream}`, { last_by_subj: subject })) as unknown as { message: LeaderMessage };
      const head = message.hdrs === undefined ? '' : Buffer.from(message.hdrs, 'base64').toString('latin1');
      return {
        subject: message.subject,
        sequence: message.seq,
        storedAtMs: Date.parse(message.time),
        data: Buffer.from(message.data ?? '', 'base64'),
        operation: /^KV-Operation: *(\w+)/im.exec(head)?.[1] ?? '',
      };
    } catch (error) {
      if (error instanceof NatsFailure && codeOf(error) === noMessage) return undefined;
      throw error;
    }
  }

  /** Removes a message and overwrites its bytes on the disk. False: it was gone already. */
  async erase(stream: string, sequence: number): Promise<boolean> {
    try {
      await this.api(`STREAM.MSG.DELETE.${stream}`, { seq: sequence, no_erase: false });
      return true;
    } catch (error) {
      // 10057: no such message; 10043: it was deleted before.
      if (error instanceof NatsFailure && /not found|no message|deleted/i.test(error.message)) return false;
      throw error;
    }
  }

  /** `filter`: names the subjects that have messages. */
  async state(stream: string, filter?: string): Promise<StreamState> {
    const subjects: string[] = [];
    for (;;) {
      const page = filter === undefined ? {} : { subjects_filter: filter, offset: subjects.length };
      const answer = (await this.api(`STREAM.INFO.${stream}`, page)) as unknown as StreamInfo;
      const found = Object.keys(answer.state.subjects ?? {});
      subjects.push(...found);
      if (found.length === 0 || subjects.length >= (answer.total ?? 0)) {
        return { lastSequence: answer.state.last_seq, created: answer.created, subjects };
      }
    }
  }

  private async api(verb: string, request: object): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.answered(`$JS.API.${verb}`, JSON.stringify(request));
    if (answer.error !== undefined) throw failure(verb, answer.error);
    return answer;
  }

  private async answered(subject: string, data: Uint8Array | string, head = headers()) {
    const answer = await this.asked(subject, data, head);
    return JSON.parse(answer.string()) as Readonly<Record<string, unknown>> & { readonly error?: ApiError };
  }

  private async direct(subject: string, request: string): Promise<StoredMessage | undefined> {
    const answer = await this.asked(subject, request, headers());
    const status = answer.headers?.code ?? 0;
    if (status === 404) return undefined;
    if (status >= 300) throw new NatsUnavailable(`NATS: ${subject}: ${status} ${answer.headers?.description ?? ''}`);
    return {
      subject: answer.headers?.get('Nats-Subject') ?? '',
      sequence: Number(answer.headers?.get('Nats-Sequence')),
      storedAtMs: Date.parse(answer.headers?.get('Nats-Time-Stamp') ?? ''),
      data: answer.data,
      operation: answer.headers?.get('KV-Operation') ?? '',
    };
  }

  private async asked(subject: string, data: Uint8Array | string, head: ReturnType<typeof headers>): Promise<Msg> {
    try {
      return await this.link.request(subject, data, { headers: head });
    } catch (error) {
      // Nobody listens where a stream would: 503 without a word.
      if ((error as { cause?: { code?: string } }).cause?.code === '503') {
        throw new BucketMissing(`NATS has nothing at ${subject}: no such bucket or stream, or JetStream is off`, { cause: error });
      }
      throw error;
    }
  }
}

interface LeaderMessage {
  readonly subject: string;
  readonly seq: number;
  readonly time: string;
  readonly hdrs?: string;
  readonly data?: string;
}

interface StreamInfo {
  readonly total?: number;
  readonly created: string;
  readonly state: { readonly last_seq: number; readonly subjects?: Readonly<Record<string, number>> };
}

function failure(what: string, error: ApiError): Error {
  const said = `NATS: ${what}: ${error.code} ${error.description ?? ''}${error.err_code === undefined ? '' : ` (${error.err_code})`}`;
  if (error.err_code === streamNotFound) return new BucketMissing(said, { cause: error });
  // A full bucket or disk, or a cluster without a leader.
  if (error.code === 503 || /maximum|insufficient|no space|resource/i.test(error.description ?? '')) {
    return new NatsUnavailable(`${said}: the bucket or the disk of NATS may be full`, { cause: error });
  }
  return new NatsFailure(said, { cause: error });
}

function codeOf(error: Error): number | undefined {
  return (error.cause as ApiError | undefined)?.err_code;
}
