import { type DynamicModule, Inject, Injectable, Logger, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Registry } from 'prom-client';
import type { Analytics } from '#libs/analytics';
import type { EventLog } from '#libs/event-log';
import type { SnapshotPublication } from '#libs/snapshots';
import type { SnapshotBuilderOptions } from './builder-parts.js';
import { BuilderMetrics } from './metrics.js';
import { SnapshotBuilder } from './snapshot-builder.js';

export interface SnapshotBuilderPorts {
  readonly log: EventLog;
  readonly analytics: Analytics;
  readonly publication: SnapshotPublication;
  readonly registry: Registry;
  readonly clock: () => Date;
  readonly options: SnapshotBuilderOptions;
}

const logger = new Logger('snapshot-builder');

@Injectable()
class SnapshotBuilderLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(SnapshotBuilder) private readonly builder: SnapshotBuilder) {}

  async onModuleInit(): Promise<void> {
    await this.builder.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.builder.stop();
  }
}

/** Builds and publishes the snapshots of all clients. One process of it is enough; several hinder each other no further than by double work. */
@Module({})
export class SnapshotBuilderModule {
  static register({ log, analytics, publication, registry, clock, options }: SnapshotBuilderPorts): DynamicModule {
    const metrics = new BuilderMetrics(registry, clock);
    const builder = new SnapshotBuilder({ log, analytics, publication, metrics, clock, options, report });
    return {
      module: SnapshotBuilderModule,
      providers: [{ provide: SnapshotBuilder, useValue: builder }, SnapshotBuilderLifecycle],
    };
  }
}

function report(message: string, error?: unknown): void {
  logger.warn(error === undefined ? message : `${message}: ${error instanceof Error ? error.message : String(error)}`);
}
