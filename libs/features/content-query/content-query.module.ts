import { type DynamicModule, Inject, Injectable, Logger, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { type ImageLoading, type NodePublication, openImageLoading, openSnapshotCache, type SnapshotCache } from '#libs/snapshots';
import type { Spool } from '#libs/spool';
import { Answering } from './answering.js';
import { clickAddresses } from './click-address.js';
import { Devices } from './devices.js';
import { addContentQueryRoutes } from './edge-http.js';
import { type FastPathParts, putFastPathBefore } from './fast-path/fast-path.js';
import { type IdSource, TimeOrderedIds } from './ids.js';
import { ContentQueryMetrics } from './metrics.js';
import { ServingTables } from './serving-tables.js';
import { addTagRoute } from './tag-script.js';

export interface ContentQueryPorts {
  readonly publication: NodePublication;
  /** Of a process with several threads that answer: the loading that they share, closed by who opened it, and what this one keeps or starts from. Its own when absent. */
  readonly images?: { readonly loading: ImageLoading; readonly cache: SnapshotCache };
  /** Opened with `contentQueryForms`. */
  readonly facts: Pick<Spool, 'offer' | 'packed'>;
  readonly registry: Registry;
  readonly options: ContentQueryOptions;
}

export interface ContentQueryOptions {
  readonly nodeId: string;
  /** Where this node keeps the last good snapshots; no other process uses the folder. */
  readonly cacheFolder: string;
  /** `VITRINE_SECRET`: signs click addresses. */
  readonly secret: string;
  /** `VITRINE_PUBLIC_URL`. */
  readonly publicUrl?: string | undefined;
  /** `VITRINE_COUNTRY_HEADER`. */
  readonly countryHeader?: string | undefined;
  /** Serve these clients only; absent: all. */
  readonly clients?: ReadonlySet<string> | undefined;
  /** `VITRINE_FAST_PATH`: common queries are answered before the HTTP server. */
  readonly fastPath: boolean;
  /** For specs; the system's when absent. */
  readonly ids?: IdSource;
  readonly clock?: () => number;
}

const PORTS = Symbol('ContentQueryPorts');

/** Starts the tables, then opens the addresses; stops in reverse. */
@Injectable()
class ContentQueryEdge implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(PORTS) private readonly ports: ContentQueryPorts,
    @Inject(ServingTables) private readonly tables: ServingTables,
    @Inject(ContentQueryMetrics) private readonly metrics: ContentQueryMetrics,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.tables.start();
    const { facts, options } = this.ports;
    const parts: FastPathParts = {
      tables: this.tables,
      facts,
      clicks: clickAddresses(options.secret),
      devices: new Devices(),
      metrics: this.metrics,
      ids: options.ids ?? new TimeOrderedIds(),
      clock: options.clock ?? Date.now,
    };
    const answering = new Answering(parts);
    const instance = this.host.httpAdapter.getInstance<FastifyInstance>();
    addTagRoute(instance);
    addContentQueryRoutes(instance, answering, this.metrics, { ...options, report });
    if (options.fastPath) putFastPathBefore(instance.server, parts, answering, { ...options, report });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.tables.stop();
  }
}

const logger = new Logger('content-query');

/** For who closes what it uses. */
function leftOpen(loading: ImageLoading): ImageLoading {
  return {
    audience: (...which) => loading.audience(...which),
    get memory() {
      return loading.memory;
    },
    close: async () => undefined,
  };
}

function report(message: string, error: unknown): void {
  logger.warn(`${message}: ${error instanceof Error ? error.message : String(error)}`);
}

/** Content-query nodes: answers from memory, by snapshots. `ServingTables` is exported for the readiness check. */
@Module({})
export class ContentQueryModule {
  static register(ports: ContentQueryPorts): DynamicModule {
    const { publication, registry, options } = ports;
    return {
      module: ContentQueryModule,
      providers: [
        { provide: PORTS, useValue: ports },
        { provide: ContentQueryMetrics, useFactory: () => new ContentQueryMetrics(registry) },
        {
          provide: ServingTables,
          inject: [ContentQueryMetrics],
          useFactory: async (metrics: ContentQueryMetrics) => {
            const cache = ports.images?.cache ?? (await openSnapshotCache(options.cacheFolder));
            const loading = ports.images === undefined ? openImageLoading() : leftOpen(ports.images.loading);
            metrics.observeImages(() => loading.memory);
            return new ServingTables({ publication, cache, loading, nodeId: options.nodeId, clients: options.clients, metrics, report });
          },
        },
        ContentQueryEdge,
      ],
      exports: [ServingTables],
    };
  }
}
