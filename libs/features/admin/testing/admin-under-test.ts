/** The admin on the real engines, over HTTP on a free port, for its own specs. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import type { Analytics, AnalyticsWriter } from '#libs/analytics';
import { migrate, openAnalytics, openAnalyticsWriter, openClickHouse } from '#libs/analytics/clickhouse';
import { type EmbeddedClickHouse, startEmbeddedClickHouse } from '#libs/analytics/embedded';
import { migrations } from '#libs/analytics/schema';
import { openEmbeddedCustomerKeys } from '#libs/customer-keys/embedded';
import { isRejected, snapshotCodec, snapshotStream } from '#libs/domain';
import { type EventLog, followLog, type LogFollower, type Position, type RecordedEvent } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { ImportRunner, UploadStore } from '#libs/imports';
import { apiKeysFold, compilePlaybook, definitionsFold, eventRows, noRows, projectedEventTypes, withoutRepeats } from '#libs/projections';
import { AudienceBuilder, playbookImage, type SnapshotKind, type SnapshotPublication } from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { type FactQueue, openSpool } from '#libs/spool';
import { AdminModule } from '../admin.module.js';
import { contextOf } from '../customers/question.js';
import { configureAdminHttp } from '../http/configure-admin-http.js';
import { createApiKey, revokeApiKey } from '../keys/keys.js';
import type { DefinitionsReader } from '../parts.js';

// biome-ignore lint/suspicious/noExplicitAny: answers of any query, looked into by tests.
type Loose = any;

type Fold<State> = { categories: readonly string[]; initial(): State; apply(state: State, event: RecordedEvent): State };

/** The largest upload of this spec's admin. */
export const uploadBytesMax = 200_000;

/** Brings the log into the tables as a projector does, without its batches and retries. */
async function project(log: EventLog, writer: AnalyticsWriter, signal: AbortSignal): Promise<void> {
  for await (const message of log.subscribe({ after: null, filter: { types: projectedEventTypes }, signal })) {
    if (message.kind === 'caughtUp') {
      if (message.position !== null) await writer.write(noRows, message.position);
      continue;
    }
    const rows = message.events.map(eventRows).filter((one) => one !== undefined);
    const keys = new Map<string, string[]>();
    for (const { clientId, keys: its } of rows) keys.set(clientId, [...(keys.get(clientId) ?? []), ...its]);
    const last = message.events.at(-1);
    if (last !== undefined) await writer.write(withoutRepeats(rows, await writer.firstRecorded(keys)).rows, last.position);
  }
}

interface Asked {
  readonly key?: string;
  readonly after?: string;
}

export class AdminUnderTest {
  private constructor(
    readonly url: string,
    readonly log: EventLog,
    readonly analytics: Analytics,
    readonly publication: SnapshotPublication,
    private readonly definitions: DefinitionsReader,
    readonly facts: FactQueue,
    readonly engine: EmbeddedClickHouse,
    readonly key: string,
    readonly keyId: string,
    private readonly close: () => Promise<void>,
  ) {}

  static async start(): Promise<AdminUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-admin-'));
    const log = await openFileLog({ folder: join(folder, 'log') });
    const publication = await openFileSnapshots({ folder: join(folder, 'snapshots') });
    const engine: EmbeddedClickHouse = await startEmbeddedClickHouse({
      folder: join(folder, 'clickhouse'),
      httpPort: 0,
      nativePort: 0,
      onExit: () => undefined,
    });
    const connection = openClickHouse({ url: engine.url, database: engine.database });
    await migrate(connection, migrations);
    const analytics = openAnalytics(connection);
    const ending = new AbortController();
    const follow = <State>(fold: Fold<State>): LogFollower<State> =>
      followLog({
        log,
        filter: { categories: fold.categories },
        initial: fold.initial(),
        apply: fold.apply,
        signal: ending.signal,
        onError: (error) => {
          throw error;
        },
      });
    const definitionsFollower = follow(definitionsFold);
    const keys = follow(apiKeysFold);
    const definitions = {
      client: (clientId: string) => definitionsFollower.state.get(clientId),
      caughtUp: () => definitionsFollower.caughtUp(),
      waitFor: (position: Position, timeoutMs: number) => definitionsFollower.waitFor(position, timeoutMs),
    };
    const projecting = project(log, openAnalyticsWriter(connection), ending.signal);
    const facts = await openSpool({ folder: join(folder, 'spool'), node: 'spec', log });
    const customerKeys = await openEmbeddedCustomerKeys({ folder: join(folder, 'keys'), secret: 'secret of this spec only, 32 bytes' });
    const uploads = new UploadStore(join(folder, 'uploads'), uploadBytesMax);
    const imports = new ImportRunner({
      facts,
      analytics,
      log,
      keys: customerKeys,
      definitions,
      uploads,
      rejectsFolder: join(folder, 'rejects'),
      clock: () => new Date(),
    });
    const module = AdminModule.register({
      log,
      analytics,
      publication,
      definitions,
      apiKeys: { check: (token) => keys.state.check(token), caughtUp: () => keys.caughtUp() },
      imports,
      uploads,
      registry: new Registry(),
      clock: () => new Date(),
      options: { waitMsMax: 400 },
    });
    const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: ['error'] });
    configureAdminHttp(app);
    await app.listen(0, '127.0.0.1');
    const created = await createApiKey(log, { clientId: null, name: 'spec', actor: 'system' });
    if (isRejected(created)) throw new Error(created.message);
    return new AdminUnderTest(
      await app.getUrl(),
      log,
      analytics,
      publication,
      definitions,
      facts,
      engine,
      created.token,
      created.keyId,
      async () => {
        await app.close();
        await imports.close();
        await facts.close();
        await customerKeys.close();
        ending.abort();
        await Promise.all([definitionsFollower.ended, keys.ended, projecting]);
        await analytics.close();
        await engine.stop();
        await publication.close();
        await log.close();
        await rm(folder, { recursive: true, force: true });
      },
    );
  }

  stop(): Promise<void> {
    return this.close();
  }

  /** One request as it is, with the key of all clients unless the headers say otherwise. */
  async post(body: unknown, headers?: Readonly<Record<string, string>>): Promise<{ status: number; body: Loose }> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(headers ?? { authorization: `Bearer ${this.key}` }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  async graphql(query: string, variables: object = {}, { key = this.key, after }: Asked = {}): Promise<Loose> {
    const headers = { authorization: `Bearer ${key}`, ...(after === undefined ? {} : { 'vitrine-after': after }) };
    return (await this.post({ query, variables }, headers)).body;
  }

  /** The data of what must succeed. */
  async ask(query: string, variables: object = {}, asked: Asked = {}): Promise<Loose> {
    const { data, errors } = await this.graphql(query, variables, asked);
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    return data;
  }

  async errorCodes(query: string, variables: object = {}, asked: Asked = {}): Promise<string[]> {
    const { errors = [] } = await this.graphql(query, variables, asked);
    return errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code);
  }

  /** The payload of a mutation that must not be refused. */
  async command(name: string, type: string, input: object, fields = 'position', asked: Asked = {}): Promise<Loose> {
    const data = await this.ask(mutation(name, type, fields), { input }, asked);
    if (data[name].userErrors.length > 0) throw new Error(`${name}: ${JSON.stringify(data[name].userErrors)}`);
    return data[name];
  }

  async refusals(name: string, type: string, input: object, asked: Asked = {}): Promise<string[]> {
    const data = await this.ask(mutation(name, type, 'position'), { input }, asked);
    return data[name].userErrors.map(({ code }: { code: string }) => code);
  }

  async upload(content: string | Buffer, key: string = this.key): Promise<{ status: number; body: Loose }> {
    const response = await fetch(`${this.url}/uploads?name=rows.csv`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', ...(key === '' ? {} : { authorization: `Bearer ${key}` }) },
      body: new Uint8Array(Buffer.from(content)),
    });
    return { status: response.status, body: await response.json() };
  }

  /** What a builder does: both snapshots of now, published, and written into the log. */
  async publishSnapshots(clientId: string): Promise<{ playbook: string; audience: string }> {
    await this.definitions.caughtUp();
    const definitions = this.definitions.client(clientId);
    const position = await this.log.lastPosition();
    if (definitions === undefined || position === null) throw new Error(`no client ${clientId}`);
    await this.analytics.waitFor(position, 5_000);
    const builder = new AudienceBuilder([...definitions.segments.keys()]);
    await builder.take(await this.analytics.audience({ ...contextOf(definitions), segmentIds: builder.segmentIds, asOf: new Date() }));
    const { bytes, customers, memberships } = builder.image();
    const playbook = playbookImage(compilePlaybook(definitions));
    return {
      playbook: await this.publish(clientId, 'playbook', playbook, position, null, null),
      audience: await this.publish(clientId, 'audience', bytes, position, customers, memberships),
    };
  }

  private async publish(
    clientId: string,
    kind: SnapshotKind,
    image: Uint8Array,
    position: Position,
    customers: number | null,
    memberships: number | null,
  ): Promise<string> {
    const builtAt = new Date().toISOString();
    const announced = await this.publication.publish({ clientId, kind, image, position, builtAt, customers, memberships });
    const { version, bytes, sha256 } = announced;
    const said = {
      type: 'SnapshotPublished',
      kind,
      version,
      position: String(position),
      builtAt,
      bytes,
      sha256,
      customers,
      memberships,
    } as const;
    const { type, schema, data } = snapshotCodec.encode(said);
    const event = { id: randomUUID(), type, data, metadata: { schema, clientId, actor: 'system' } };
    await this.log.append(snapshotStream(clientId, kind), [event], 'any');
    return version;
  }

  async createKey(clientId: string | null): Promise<{ keyId: string; token: string }> {
    const created = await createApiKey(this.log, { clientId, name: 'spec', actor: 'system' });
    if (isRejected(created)) throw new Error(created.message);
    return created;
  }

  async revokeKey(keyId: string): Promise<void> {
    const outcome = await revokeApiKey(this.log, { keyId, actor: 'system' });
    if (isRejected(outcome)) throw new Error(outcome.message);
    // The admin is another reader of the log: what it says is asked for after it has read on.
    await this.ask('{ client(clientId: "golf") { name } }', {}, outcome.position === null ? {} : { after: String(outcome.position) });
  }
}

function mutation(name: string, type: string, fields: string): string {
  return `mutation ($input: ${type}) { ${name}(input: $input) { ${fields} userErrors { code message field } } }`;
}
