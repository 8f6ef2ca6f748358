import type { CustomerKeys } from '#libs/customer-keys';
import { type BehaviourFact, eventTypeOf, parseBehaviour, parseClientId } from '#libs/domain';
import type { JsonObject, Position } from '#libs/event-log';
import { sealFact } from '#libs/imports';
import type { ApiKeyCheck, ClientDefinitions } from '#libs/projections';
import { type Spool, SpoolFull } from '#libs/spool';
import { CommonBatches } from './common-batch.js';
import { collectBatchMax, collectLookUpMsMax, collectRetryAfterSeconds, collectWaitMsMax } from './limits.js';
import type { CollectorMetrics } from './metrics.js';
import type { RateLimit } from './rate-limit.js';
import { Refusal } from './refusal.js';

/** The clients as this process has read them. */
export interface DefinitionsReader {
  /** Undefined: no such client up to here. */
  client(clientId: string): ClientDefinitions | undefined;
  /** Resolves when what was in the log at the time of the call has been read. */
  caughtUp(): Promise<void>;
}

/** The API keys as this process has read them. */
export interface ApiKeysReader {
  readonly check: ApiKeyCheck;
  caughtUp(): Promise<void>;
}

export interface CollectingParts {
  readonly facts: Pick<Spool, 'put' | 'putJson'>;
  readonly keys: Pick<CustomerKeys, 'obtain'>;
  readonly definitions: DefinitionsReader;
  readonly apiKeys: ApiKeysReader;
  readonly metrics: CollectorMetrics;
  readonly rateLimit: RateLimit;
  readonly clock: () => Date;
}

/** One `POST /e/{clientId}`. */
export interface CollectRequest {
  readonly clientId: string;
  readonly body: Uint8Array;
  /** The header as it came. */
  readonly authorization: string | undefined;
  readonly waitForLog: boolean;
}

export interface Collected {
  readonly accepted: number;
  readonly rejected: readonly { readonly index: number; readonly code: string; readonly message: string }[];
  /** With `waitForLog`: of the last accepted item in the log; null when nothing was accepted, or the log did not take it in time. */
  readonly position?: string | null;
}

/** Takes behaviour in: check, seal, spool. */
export class Collecting {
  private readonly commonOf = new WeakMap<ClientDefinitions['client'], CommonBatches>();

  constructor(private readonly parts: CollectingParts) {}

  /** Of a client that this process knows already. */
  originsOf(clientId: string): readonly string[] {
    return this.parts.definitions.client(clientId)?.client.origins ?? [];
  }

  /**
   * A batch of the common form of a client that is known here, without a key. `taken` is called when all its events are on the disk, `failed` when the
   * disk does not take them, with what a refusal is made of. False: nothing was done, `collect` is to be asked. The body is read at once.
   */
  collectCommon(clientId: string, body: Uint8Array, taken: (events: number) => void, failed: (error: unknown) => void): boolean {
    const client = this.parts.definitions.client(clientId)?.client;
    if (client === undefined) return false;
    const batches = this.commonOf.get(client) ?? new CommonBatches(client.clientId, client.currency);
    this.commonOf.set(client, batches);
    const batch = batches.read(body, this.parts.clock().toISOString());
    if (batch === undefined || !this.parts.rateLimit.take(clientId, performance.now())) return false;
    const { json, count, counts } = batch;
    this.parts.facts.putJson(json, count).then(
      () => {
        this.parts.metrics.commonAccepted(clientId, counts);
        taken(count);
      },
      (error: unknown) => failed(refusalOfPut(error)),
    );
    return true;
  }

  /** Returns when what was accepted is on the disk. @throws Refusal 400, 404, 413, 429, 503. */
  async collect(request: CollectRequest): Promise<Collected> {
    const receivedAt = this.parts.clock();
    const { client } = await this.knownClient(request.clientId);
    const { clientId, currency } = client;
    if (!this.parts.rateLimit.take(clientId, performance.now())) {
      throw new Refusal(429, 'TOO_MANY_REQUESTS', 'more requests per second than this client may send', 1);
    }
    const batch = parseBatch(request.body);
    const context = { currency, receivedAt, maySendServerTypes: await this.maySendServerTypes(clientId, request.authorization) };
    const accepted: BehaviourFact[] = [];
    const rejected: { index: number; code: string; message: string }[] = [];
    for (const [index, item] of batch.entries()) {
      const parsed = parseBehaviour(item, context);
      if ('fact' in parsed) accepted.push(await sealFact(parsed.fact, clientId, this.parts.keys));
      else rejected.push({ index, ...parsed });
    }
    const position = await this.put(clientId, accepted, request.waitForLog);
    this.count(clientId, accepted, rejected);
    return { accepted: accepted.length, rejected, ...(request.waitForLog ? { position } : {}) };
  }

  private async knownClient(text: string): Promise<ClientDefinitions> {
    const clientId = parseClientId(text);
    if (clientId === undefined) throw new Refusal(400, 'CLIENT_ID_MALFORMED', 'a client id is [A-Za-z0-9][A-Za-z0-9_-]{0,63}');
    const { definitions } = this.parts;
    const known = definitions.client(clientId);
    if (known !== undefined) return known;
    // It may have been registered a moment ago, on another machine.
    await readOn(definitions.caughtUp());
    const found = definitions.client(clientId);
    if (found === undefined) throw new Refusal(404, 'CLIENT_UNKNOWN', `there is no client ${clientId}`);
    return found;
  }

  private async maySendServerTypes(clientId: string, authorization: string | undefined): Promise<boolean> {
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return false;
    const { apiKeys } = this.parts;
    let grant = apiKeys.check(token);
    if (grant === null) {
      await readOn(apiKeys.caughtUp());
      grant = apiKeys.check(token);
    }
    return grant !== null && (grant.clientId === null || grant.clientId === clientId);
  }

  private async put(clientId: string, accepted: readonly BehaviourFact[], waitForLog: boolean): Promise<string | null> {
    if (accepted.length === 0) return null;
    const facts = accepted.map((fact) => ({
      category: 'behaviour' as const,
      clientId,
      type: eventTypeOf(fact.type),
      // Checked to be JSON by parseBehaviour.
      data: fact as unknown as JsonObject,
    }));
    try {
      const receipt = await this.parts.facts.put(facts);
      if (!waitForLog) return null;
      const position = await within<Position | null>(receipt.appended(), collectWaitMsMax, () => null);
      return position === null ? null : String(position);
    } catch (error) {
      throw refusalOfPut(error);
    }
  }

  private count(clientId: string, accepted: readonly BehaviourFact[], rejected: readonly { code: string }[]): void {
    for (const { type } of accepted) this.parts.metrics.itemsAccepted(clientId, type, 1);
    for (const { code } of rejected) this.parts.metrics.itemRejected(clientId, code);
  }
}

function refusalOfPut(error: unknown): unknown {
  if (!(error instanceof SpoolFull)) return error;
  return new Refusal(503, 'SPOOL_FULL', 'the disk queue is full; send it again later', collectRetryAfterSeconds);
}

function parseBatch(body: Uint8Array): readonly unknown[] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // Whatever is wrong with it, the sender is told that it is no JSON.
    throw new Refusal(400, 'BODY_MALFORMED', 'the body must be JSON in UTF-8');
  }
  const batch = typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as { batch?: unknown }).batch : undefined;
  if (!Array.isArray(batch)) throw new Refusal(400, 'BODY_MALFORMED', 'the body must be {"batch": […]}');
  if (batch.length > collectBatchMax) throw new Refusal(413, 'BATCH_TOO_LONG', `a batch has at most ${collectBatchMax} items`);
  return batch;
}

/** The log may be away; then nobody can say what is in it. */
async function readOn(caughtUp: Promise<void>): Promise<void> {
  const unavailable = new Refusal(503, 'LOG_UNAVAILABLE', 'the event log cannot be read now', collectRetryAfterSeconds);
  try {
    await within(caughtUp, collectLookUpMsMax, () => {
      throw unavailable;
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EVENT_LOG_UNAVAILABLE') throw error;
    throw unavailable;
  }
}

async function within<T>(promise: Promise<T>, ms: number, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), timeout]);
    return first === 'late' ? late() : first.value;
  } finally {
    clearTimeout(timer);
  }
}
