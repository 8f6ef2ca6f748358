import {
  type ArgumentsHost,
  Catch,
  type DynamicModule,
  type ExceptionFilter,
  HttpException,
  Inject,
  Injectable,
  Logger,
  Module,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Registry } from 'prom-client';
import type { CustomerKeys } from '#libs/customer-keys';
import type { Spool } from '#libs/spool';
import { addCollectRoutes, refusalOf, sendRefusal } from './collect-http.js';
import { type ApiKeysReader, Collecting, type DefinitionsReader } from './collecting.js';
import { CollectorMetrics } from './metrics.js';
import { takePlainBatches } from './plain/plain-batches.js';
import { RateLimit } from './rate-limit.js';
import { Refusal } from './refusal.js';

export interface CollectorOptions {
  /** `VITRINE_COLLECT_RATE_MAX`: requests per second and client; 0 or absent is no limit. */
  readonly requestsPerSecondMax?: number;
  /** `VITRINE_FAST_PATH`: common batches are answered before the HTTP server. */
  readonly fastPath: boolean;
}

/** What the collector is made of: ports and readers, chosen by the app, which also closes them. */
export interface CollectorParts {
  readonly facts: Pick<Spool, 'put' | 'putJson'>;
  readonly keys: Pick<CustomerKeys, 'obtain'>;
  readonly definitions: DefinitionsReader;
  readonly apiKeys: ApiKeysReader;
  readonly registry: Registry;
  readonly clock: () => Date;
  readonly options: CollectorOptions;
}

const COLLECTOR_PARTS = Symbol('CollectorParts');
const logger = new Logger('collector');

/** Opens `/e/{clientId}`. */
@Injectable()
class CollectorEdge implements OnModuleInit {
  constructor(
    @Inject(COLLECTOR_PARTS) private readonly parts: CollectorParts,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const { registry, options, ...parts } = this.parts;
    const metrics = new CollectorMetrics(registry);
    const collecting = new Collecting({ ...parts, metrics, rateLimit: new RateLimit(options.requestsPerSecondMax ?? 0) });
    const instance = this.host.httpAdapter.getInstance<FastifyInstance>();
    const report = (message: string, error: unknown) =>
      logger.warn(`${message}: ${error instanceof Error ? error.message : String(error)}`);
    addCollectRoutes(instance, collecting, metrics, report);
    if (options.fastPath) takePlainBatches(instance.server, collecting, metrics, report);
  }
}

/** The collector: behaviour events over HTTP, onto the disk, from there into the log. */
@Module({})
export class CollectorModule {
  static register(parts: CollectorParts): DynamicModule {
    return { module: CollectorModule, providers: [{ provide: COLLECTOR_PARTS, useValue: parts }, CollectorEdge] };
  }
}

/** What no handler answered for, as `{"code","message"}`. */
@Catch()
class JsonErrors implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    sendRefusal(reply, exception instanceof HttpException ? ofNest(exception) : refusalOf(exception));
  }
}

function ofNest(exception: HttpException): Refusal {
  const status = exception.getStatus();
  return status === 404
    ? new Refusal(404, 'NOT_FOUND', 'there is nothing at this address')
    : new Refusal(status, `HTTP_${status}`, exception.message);
}

/** For a process of its own: every error is `{"code","message"}`. Beside the content query, whose own configuration does the same, it is not needed. @public */
export function configureCollectorHttp(app: NestFastifyApplication): void {
  // biome-ignore lint/correctness/useHookAtTopLevel: a method of Nest's, no React hook
  app.useGlobalFilters(new JsonErrors());
}
