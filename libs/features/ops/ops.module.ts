import { setTimeout as pause } from 'node:timers/promises';
import { Controller, type DynamicModule, Get, Inject, Module, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** One thing that a process needs for its work, asked at every readiness check. */
export interface ReadinessCheck {
  readonly name: string;
  /** True when the work can be done; a text says why not. */
  check(): boolean | string | Promise<boolean | string>;
}

/** Metrics in Prometheus' text form; a registry, or what several threads have. */
export interface ShownMetrics {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface OpsOptions {
  readonly registry: ShownMetrics;
  readonly checks: readonly ReadinessCheck[];
  /** Metrics stand on the operations port, not on a port that faces the public. */
  readonly metrics: boolean;
}

const OPS_OPTIONS = Symbol('OpsOptions');

/** Whoever asks waits seconds at most, and an answer that comes too late says nothing. */
const checkMsMax = 3_000;

@Controller()
class HealthController {
  constructor(@Inject(OPS_OPTIONS) private readonly options: OpsOptions) {}

  @Get('health/live')
  live() {
    return { status: 'live' };
  }

  /** 200 when every check holds, else 503; says each by name. */
  @Get('health/ready')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const outcomes = await Promise.all(this.options.checks.map(async (one) => [one.name, await outcomeOf(one)] as const));
    const checks = Object.fromEntries(outcomes);
    const ready = Object.values(checks).every((outcome) => outcome === true);
    await reply
      .status(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'not ready', checks });
  }
}

async function outcomeOf({ check }: ReadinessCheck): Promise<boolean | string> {
  const giveUp = new AbortController();
  const tooLate = pause(checkMsMax, `no answer within ${checkMsMax / 1000} s`, { signal: giveUp.signal });
  // Ended below when the check was quicker.
  tooLate.catch(() => undefined);
  try {
    return await Promise.race([(async () => check())(), tooLate]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    giveUp.abort();
  }
}

@Controller()
class MetricsController {
  constructor(@Inject(OPS_OPTIONS) private readonly options: OpsOptions) {}

  @Get('metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    await reply.header('content-type', this.options.registry.contentType).send(await this.options.registry.metrics());
  }
}

/** Health on every process, and metrics in Prometheus' text form where `metrics` says so. */
@Module({})
export class OpsModule {
  static register(options: OpsOptions): DynamicModule {
    return {
      module: OpsModule,
      controllers: options.metrics ? [HealthController, MetricsController] : [HealthController],
      providers: [{ provide: OPS_OPTIONS, useValue: options }],
    };
  }
}
