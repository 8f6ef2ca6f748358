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
  /** The builder cannot go on (an event that this version cannot read): the process is to end. Absent: thrown where nobody catches it. */
  readonly onFailure?: (error: unknown) => void;
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
  static register({ onFailure, ...ports }: SnapshotBuilderPorts): DynamicModule {
    const metrics = new BuilderMetrics(ports.registry, ports.clock);
    const builder = new SnapshotBuilder({ ...ports, metrics, report, failed: onFailure ?? fail });
    return {
      module: SnapshotBuilderModule,
      providers: [{ provide: SnapshotBuilder, useValue: builder }, SnapshotBuilderLifecycle],
    };
  }
}

function report(message: string, error?: unknown): void {
  logger.warn(error === undefined ? message : `${message}: ${error instanceof Error ? error.message : String(error)}`);
}

function fail(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
