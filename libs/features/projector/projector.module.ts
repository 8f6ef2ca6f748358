import { type DynamicModule, Inject, Injectable, Logger, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Registry } from 'prom-client';
import type { ProjectionTables } from '#libs/analytics';
import type { EventLog } from '#libs/event-log';
import type { AcquireLeadership } from '#libs/leadership';
import type { BatchLimits } from './event-buffer.js';
import { ProjectorMetrics } from './metrics.js';
import { Projector } from './projector.js';

export interface ProjectorPorts {
  readonly log: EventLog;
  readonly tables: ProjectionTables;
  readonly acquireLeadership: AcquireLeadership;
  readonly registry: Registry;
  readonly clock: () => Date;
  readonly limits?: BatchLimits;
  /** The projector has ended by an error that trying again does not mend. */
  readonly onFailure: (error: unknown) => void;
}

/** Live, fresh behaviour waits at most `intervalMs`; catching up, larger batches would cost memory and gain nothing measurable. */
export const defaultLimits: BatchLimits = { eventsMax: 10_000, bytesMax: 8 * 1024 * 1024, intervalMs: 250 };

const logger = new Logger('projector');

@Injectable()
class ProjectorLifecycle implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(Projector) private readonly projector: Projector) {}

  onModuleInit(): void {
    this.projector.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.projector.stop();
  }
}

/** Brings the log into the tables. Of several processes with it one works, and the others stand by. */
@Module({})
export class ProjectorModule {
  static register({ log, tables, acquireLeadership, registry, clock, limits = defaultLimits, onFailure }: ProjectorPorts): DynamicModule {
    const metrics = new ProjectorMetrics(registry, clock);
    const projector = new Projector({ log, tables, acquireLeadership, metrics, limits, report, onFailure });
    return {
      module: ProjectorModule,
      providers: [{ provide: Projector, useValue: projector }, ProjectorLifecycle],
      exports: [Projector],
    };
  }
}

function report(message: string, error?: unknown): void {
  logger.warn(error === undefined ? message : `${message}: ${error instanceof Error ? error.message : String(error)}`);
}
