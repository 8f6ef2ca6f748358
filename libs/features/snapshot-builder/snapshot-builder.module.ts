import { type DynamicModule, Inject, Injectable, Logger, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Registry } from 'prom-client';
import type { Analytics } from '#libs/analytics';
import type { EventLog } from '#libs/event-log';
import type { AcquireLeadership } from '#libs/leadership';
import type { SnapshotPublication } from '#libs/snapshots';
import type { SnapshotBuilderOptions } from './builder-parts.js';
import { LeadingBuilder } from './leading-builder.js';
import { BuilderMetrics } from './metrics.js';

export interface SnapshotBuilderPorts {
  readonly log: EventLog;
  readonly analytics: Analytics;
  readonly publication: SnapshotPublication;
  readonly acquireLeadership: AcquireLeadership;
  readonly registry: Registry;
  readonly clock: () => Date;
  readonly options: SnapshotBuilderOptions;
  /** The builder cannot go on (an event that this version cannot read): the process is to end. */
  readonly onFailure: (error: unknown) => void;
}

const logger = new Logger('snapshot-builder');

@Injectable()
class SnapshotBuilderLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(LeadingBuilder) private readonly builder: LeadingBuilder) {}

  onModuleInit(): void {
    this.builder.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.builder.stop();
  }
}

/** Builds and publishes the snapshots of all clients. Of several processes with it one works, and the others stand by. */
@Module({})
export class SnapshotBuilderModule {
  static register({ onFailure, ...ports }: SnapshotBuilderPorts): DynamicModule {
    const metrics = new BuilderMetrics(ports.registry, ports.clock);
    const builder = new LeadingBuilder({ ...ports, metrics, report, failed: onFailure });
    return {
      module: SnapshotBuilderModule,
      providers: [{ provide: LeadingBuilder, useValue: builder }, SnapshotBuilderLifecycle],
    };
  }
}

function report(message: string, error?: unknown): void {
  logger.warn(error === undefined ? message : `${message}: ${error instanceof Error ? error.message : String(error)}`);
}
