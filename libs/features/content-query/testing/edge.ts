/** A content-query node as a process has it – Nest, Fastify, the file publication, the spool, the file log – on a free port, for specs. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import type { Playbook, PlaybookCampaign, PlaybookContent, PlaybookGroup, PlaybookRule } from '#libs/domain';
import type { Position, RecordedEvent } from '#libs/event-log';
import { openFileLog } from '#libs/event-log/file';
import {
  type Announcement,
  AudienceBuilder,
  customerHash,
  encodeIncrement,
  playbookImage,
  type SnapshotPublication,
  segmentSet,
} from '#libs/snapshots';
import { openFileSnapshots } from '#libs/snapshots/file';
import { openSpool } from '#libs/spool';
import { rowsOf } from '../../../snapshots/testing/rows.js';
import { ContentQueryModule, type ContentQueryOptions } from '../content-query.module.js';
import { contentQueryForms } from '../forms.js';
import { configureContentQueryHttp, edgeServerOptions } from '../http-errors.js';
import { ServingTables } from '../serving-tables.js';

export const content = (contentId: string, rest: Partial<PlaybookContent> = {}): PlaybookContent => ({
  contentId,
  type: 'image',
  address: `https://cdn.example/${contentId}.png`,
  body: null,
  destination: `https://golf.example/${contentId}?a=b`,
  width: null,
  height: null,
  alt: null,
  ...rest,
});

export const rule = (ruleId: string, priority: number, rest: Partial<PlaybookRule>): PlaybookRule => ({
  ruleId,
  priority,
  segmentId: null,
  when: null,
  contentId: null,
  groups: null,
  ...rest,
});

export const group = (groupId: string, weight: number, contentId: string | null): PlaybookGroup => ({
  groupId,
  weight,
  contentId,
  control: contentId === null,
});

export const campaign = (campaignId: string, rules: readonly PlaybookRule[], rest: Partial<PlaybookCampaign> = {}): PlaybookCampaign => ({
  campaignId,
  status: 'running',
  startsAt: null,
  endsAt: null,
  defaultContentId: 'plain',
  rules,
  ...rest,
});

export function playbook(
  clientId: string,
  contents: readonly PlaybookContent[],
  campaigns: readonly PlaybookCampaign[],
  rest: Partial<Playbook> = {},
): Playbook {
  return {
    format: 1,
    clientId,
    timeZone: 'UTC',
    currency: 'USD',
    origins: ['https://golf.example'],
    sampleRate: 1,
    snapshotMaxAgeSeconds: null,
    contents: Object.fromEntries(contents.map((one) => [one.contentId, one])),
    campaigns: Object.fromEntries(campaigns.map((one) => [one.campaignId, one])),
    ...rest,
  };
}

/** Customers with their segments, as an audience image. */
export async function audienceImage(segmentIds: readonly string[], members: Readonly<Record<string, readonly string[]>>) {
  const builder = new AudienceBuilder(segmentIds);
  await builder.take(rowsOf(segmentIds, new Map(Object.entries(members)), { hash: customerHash, chunkBytes: 4096 }));
  return builder.image();
}

export interface Folders {
  readonly root: string;
  readonly snapshots: string;
  readonly cache: string;
  remove(): Promise<void>;
}

export async function makeFolders(): Promise<Folders> {
  const root = await mkdtemp(join(tmpdir(), 'vitrine-edge-'));
  return { root, snapshots: join(root, 'snapshots'), cache: join(root, 'cache'), remove: () => rm(root, { recursive: true, force: true }) };
}

/** What a builder does, by hand. Positions rise with each call. */
export class Builder {
  private position = 0n;

  constructor(readonly publication: SnapshotPublication) {}

  static async open(folders: Folders): Promise<Builder> {
    return new Builder(await openFileSnapshots({ folder: folders.snapshots }));
  }

  async playbook(of: Playbook): Promise<Announcement> {
    return this.publish(of.clientId, 'playbook', playbookImage(of), null, null);
  }

  async audience(
    clientId: string,
    segmentIds: readonly string[],
    members: Readonly<Record<string, readonly string[]>>,
    builtAt = new Date(),
  ): Promise<Announcement> {
    const { bytes, customers, memberships } = await audienceImage(segmentIds, members);
    return this.publish(clientId, 'audience', bytes, customers, memberships, builtAt);
  }

  async increment(
    current: Announcement,
    sequence: number,
    segmentIds: readonly string[],
    changed: Readonly<Record<string, readonly string[]>>,
  ) {
    const place = { base: current.version, sequence, segments: segmentIds.length };
    const changes = Object.entries(changed).map(([id, chosen]) => ({ hash: customerHash(id), set: segmentSet(segmentIds, chosen) }));
    await this.publication.publishIncrement({
      clientId: current.clientId,
      base: current.version,
      sequence,
      position: this.next(),
      builtAt: new Date().toISOString(),
      bytes: encodeIncrement(place, changes),
    });
  }

  async publish(
    clientId: string,
    kind: Announcement['kind'],
    image: Uint8Array,
    customers: number | null = null,
    memberships: number | null = null,
    builtAt = new Date(),
  ): Promise<Announcement> {
    return this.publication.publish({
      clientId,
      kind,
      image,
      position: this.next(),
      builtAt: builtAt.toISOString(),
      customers,
      memberships,
    });
  }

  next(): Position {
    this.position += 1n;
    return this.position as Position;
  }
}

export interface Edge {
  readonly url: string;
  readonly tables: ServingTables;
  readonly registry: Registry;
  readonly server: Server;
  /** All that was recorded so far, read from the log. */
  recorded(): Promise<RecordedEvent[]>;
  close(): Promise<void>;
}

/** @param seen What the node sees of the publication; all of it when absent. */
export async function startEdge(
  folders: Folders,
  options: Partial<ContentQueryOptions> = {},
  seen: (publication: SnapshotPublication) => SnapshotPublication = (publication) => publication,
): Promise<Edge> {
  const log = await openFileLog({ folder: join(folders.root, 'log') });
  const registry = new Registry();
  const publication = await openFileSnapshots({ folder: folders.snapshots });
  const facts = await openSpool({ folder: join(folders.root, 'spool'), node: 'node-1', log, forms: contentQueryForms });

  @Module({
    imports: [
      ContentQueryModule.register({
        publication: seen(publication),
        facts,
        registry,
        options: { nodeId: 'node-1', cacheFolder: folders.cache, secret: 'a secret of some length', fastPath: true, ...options },
      }),
    ],
  })
  class EdgeApp {}

  const app = await NestFactory.create<NestFastifyApplication>(EdgeApp, new FastifyAdapter(edgeServerOptions), { logger: false });
  configureContentQueryHttp(app);
  await app.listen(0, '127.0.0.1');
  return {
    url: (await app.getUrl()).replace('[::1]', '127.0.0.1'),
    tables: app.get(ServingTables),
    registry,
    server: app.getHttpServer(),
    async recorded() {
      await facts.drained();
      const events: RecordedEvent[] = [];
      for await (const event of log.readAll({ after: null })) events.push(event);
      return events;
    },
    async close() {
      const closing = app.close();
      // A test that does not read an answer to its end keeps its connection.
      app.getHttpServer().closeAllConnections();
      await closing;
      await facts.close();
      await publication.close();
      await log.close();
    },
  };
}

/** Waits until the condition holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
