/** A collector as a process has it – Nest, Fastify, the spool, the file log, the key store, definitions and API keys from the log – on a free port, for specs. */

import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { openEmbeddedCustomerKeys } from '#libs/customer-keys/embedded';
import { client, clientCodec, clientStream, isRejected } from '#libs/domain';
import { type EventLog, EventLogUnavailable, followLog, type RecordedEvent, runCommand } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import { type ApiKeyGrant, definitionsFold } from '#libs/projections';
import { openSpool, type Spool } from '#libs/spool';
import { CollectorModule, type CollectorOptions, configureCollectorHttp } from '../collector.module.js';

export interface CollectorUnderTest {
  readonly url: string;
  readonly server: Server;
  readonly log: EventLog;
  readonly facts: Spool;
  readonly registry: Registry;
  readonly folder: string;
  register(clientId: string, settings?: { currency?: string; origins?: readonly string[] }): Promise<void>;
  /** Behaviour in the log so far. */
  recorded(): Promise<RecordedEvent[]>;
  close(): Promise<void>;
}

/** Tokens of the API keys: of `golf`, of `tennis`, of all. */
export const tokens: Readonly<Record<string, ApiKeyGrant>> = {
  'golf-token': { keyId: 'k1', clientId: 'golf' },
  'tennis-token': { keyId: 'k2', clientId: 'tennis' },
  'all-token': { keyId: 'k3', clientId: null },
};

export async function startCollector(
  options: Partial<CollectorOptions> & {
    readonly clock?: () => Date;
    /** What is put on the disk waits for it. */
    readonly putting?: () => Promise<void>;
    readonly spoolBytesMax?: number;
    readonly logAway?: () => boolean;
    readonly readsAway?: () => boolean;
  } = {},
): Promise<CollectorUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-collector-'));
  const log = await openFileLog({ folder: join(folder, 'log') });
  const { spoolBytesMax, logAway, readsAway = () => false, putting, clock = () => new Date(), ...collector } = options;
  const facts = await openSpool({
    folder: join(folder, 'spool'),
    node: 'node-1',
    log: logAway === undefined ? log : awayWhile(log, logAway),
    onReport: () => undefined,
    ...(spoolBytesMax === undefined ? {} : { bytesMax: spoolBytesMax }),
  });
  const keys = await openEmbeddedCustomerKeys({ folder: join(folder, 'keys'), secret: 'a secret of some length' });
  const stop = new AbortController();
  const definitions = followLog({
    log,
    filter: { categories: definitionsFold.categories },
    initial: definitionsFold.initial(),
    apply: definitionsFold.apply,
    signal: stop.signal,
    onError: (error) => {
      throw error;
    },
  });
  const registry = new Registry();

  @Module({
    imports: [
      CollectorModule.register({
        facts: putting === undefined ? facts : heldBack(facts, putting),
        keys,
        definitions: {
          client: (clientId) => definitions.state.get(clientId),
          caughtUp: () => (readsAway() ? Promise.reject(new EventLogUnavailable('away')) : definitions.caughtUp()),
        },
        apiKeys: { check: (token) => tokens[token] ?? null, caughtUp: async () => undefined },
        registry,
        clock,
        options: { fastPath: true, ...collector },
      }),
    ],
  })
  class CollectorApp {}

  const app = await NestFactory.create<NestFastifyApplication>(CollectorApp, new FastifyAdapter(), { logger: false });
  configureCollectorHttp(app);
  await app.listen(0, '127.0.0.1');
  return {
    url: (await app.getUrl()).replace('[::1]', '127.0.0.1'),
    server: app.getHttpServer(),
    log,
    facts,
    registry,
    folder,
    async register(clientId, settings = {}) {
      const target = { decider: client, codec: clientCodec, stream: clientStream(clientId), clientId, actor: 'system' };
      const done = await runCommand(log, target, { type: 'RegisterClient', clientId, name: clientId, ...settings });
      if (isRejected(done)) throw new Error(done.code);
    },
    async recorded() {
      const events: RecordedEvent[] = [];
      for await (const event of log.readAll({ after: null, filter: { categories: ['behaviour'] } })) events.push(event);
      return events;
    },
    async close() {
      await app.close();
      stop.abort();
      await definitions.ended;
      await facts.close();
      await keys.close();
      await log.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A disk that is waited for. */
function heldBack(facts: Spool, putting: () => Promise<void>): Pick<Spool, 'put' | 'putJson'> {
  return {
    put: async (...args) => {
      await putting();
      return facts.put(...args);
    },
    putJson: async (json, count) => {
      const own = Uint8Array.from(json);
      await putting();
      return facts.putJson(own, count);
    },
  };
}

/** The log as the spool sees it while a network is down: appends fail, and may be tried again. */
function awayWhile(log: EventLog, away: () => boolean): EventLog {
  return Object.assign(Object.create(log) as EventLog, {
    append: async (...args: Parameters<EventLog['append']>) => {
      if (away()) throw new EventLogUnavailable('away');
      return log.append(...args);
    },
  });
}
