/** The Nest applications of a process, and where they listen. */
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { configureContentQueryHttp, edgeServerOptions, ServingTables } from '#libs/features/content-query';
import { closeInTime, OpsModule, type ReadinessCheck, readUnreadBodies, type ShownMetrics } from '#libs/features/ops';
import type { ImageHandler } from '#libs/snapshots/nats';
import { type Seat, takeSeat } from '#libs/threads';
import type { AnsweringThreads } from './answering-threads.js';
import type { ProcessFrame } from './frame.js';
import { assertPortFree, portProblem } from './free-port.js';

@Module({})
class Assembly {}

/** Features that are loaded with their process come as promises, which Nest awaits. */
type Feature = DynamicModule | Promise<DynamicModule>;

const assembled = (...imports: Feature[]): DynamicModule => ({ module: Assembly, imports });

/** Features without an address of their own. */
export async function backstage({ closing }: ProcessFrame, features: readonly Feature[]): Promise<void> {
  const context = await NestFactory.createApplicationContext(assembled(...features), { abortOnError: false });
  closing.add(() => context.close());
}

/**
 * The public port of content queries, and of what stands beside them, of one thread or of several. Returns its address, and whether the node can
 * answer.
 */
export async function contentQueryEdge(
  frame: ProcessFrame,
  features: readonly Feature[],
  threads?: AnsweringThreads,
): Promise<{ address: string; ready: ReadinessCheck }> {
  const checks: ReadinessCheck[] = [];
  const { app, ready: own } = await createEdge(frame, features, checks);
  const ready = threads?.readyWith(own) ?? own;
  checks.push(ready);
  return { address: await listening(frame, app, 'VITRINE_EDGE_PORT', threads), ready };
}

/** The same of a further thread: connections come from the first. Resolves when they can, with whether this thread can answer. */
export async function contentQueryEdgeOfThread(
  frame: ProcessFrame,
  feature: Feature,
  { seat, allReady, ended }: { readonly seat: Seat; readonly allReady: ReadinessCheck; readonly ended: () => void },
): Promise<ReadinessCheck> {
  const { app, ready } = await createEdge(frame, [feature], [allReady]);
  frame.closing.add(() => closeInTime(() => app.close(), app.getHttpServer()));
  await app.listen(seat.ownPath);
  await takeSeat(app.getHttpServer(), seat, ended);
  return ready;
}

async function createEdge(frame: ProcessFrame, features: readonly Feature[], checks: readonly ReadinessCheck[]) {
  const app = await create(frame, features, checks, { metrics: undefined, adapter: new FastifyAdapter(edgeServerOptions) });
  configureContentQueryHttp(app);
  const ready: ReadinessCheck = { name: 'snapshots', check: () => app.get(ServingTables, { strict: false }).ready() };
  return { app, ready };
}

/** The public port of a collector of its own. */
export async function collectorEdge(frame: ProcessFrame, feature: Feature, checks: readonly ReadinessCheck[]): Promise<string> {
  const app = await create(frame, [feature], checks, { metrics: undefined, adapter: new FastifyAdapter() });
  const { configureCollectorHttp } = await import('#libs/features/collector');
  configureCollectorHttp(app);
  return listening(frame, app, 'VITRINE_EDGE_PORT');
}

/** The private port of the admin: GraphQL, and health and metrics of the whole process. */
export async function adminPort(frame: ProcessFrame, feature: Feature, checks: readonly ReadinessCheck[]): Promise<string> {
  const app = await create(frame, [feature], checks, { metrics: frame.registry, adapter: new FastifyAdapter() });
  const { configureAdminHttp } = await import('#libs/features/admin');
  configureAdminHttp(app);
  return listening(frame, app, 'VITRINE_ADMIN_PORT');
}

/** The private port of every other process: health and metrics, and the snapshot builder's images. */
export async function opsPort(
  frame: ProcessFrame,
  checks: readonly ReadinessCheck[],
  images?: ImageHandler,
  metrics: ShownMetrics = frame.registry,
): Promise<string> {
  const app = await create(frame, [], checks, { metrics, adapter: new FastifyAdapter() });
  if (images !== undefined) {
    app
      .getHttpAdapter()
      .getInstance()
      .get('/snapshots/*', async (request, reply) => {
        reply.hijack();
        await images(request.raw, reply.raw);
      });
  }
  return listening(frame, app, 'VITRINE_OPS_PORT');
}

interface Creation {
  /** Not on a port that faces the public. */
  readonly metrics: ShownMetrics | undefined;
  readonly adapter: FastifyAdapter;
}

async function create(
  { registry }: ProcessFrame,
  features: readonly Feature[],
  checks: readonly ReadinessCheck[],
  creation: Creation,
): Promise<NestFastifyApplication> {
  const { metrics } = creation;
  const root = assembled(...features, OpsModule.register({ registry: metrics ?? registry, checks, metrics: metrics !== undefined }));
  const app = await NestFactory.create<NestFastifyApplication>(root, creation.adapter, { abortOnError: false });
  readUnreadBodies(app.getHttpAdapter().getInstance());
  return app;
}

/** Where the app listens now, as an address. */
async function listening(
  { settings, closing }: ProcessFrame,
  app: NestFastifyApplication,
  setting: 'VITRINE_EDGE_PORT' | 'VITRINE_ADMIN_PORT' | 'VITRINE_OPS_PORT',
  threads?: AnsweringThreads,
): Promise<string> {
  // All threads at once: each answers what is under way.
  closing.add(async () => {
    const ends = await Promise.allSettled([threads?.stop(), closeInTime(() => app.close(), app.getHttpServer())]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  });
  if (threads !== undefined) {
    await app.init();
    await threads.up();
  }
  // Nest would put a line of its own before ours.
  await assertPortFree(setting, settings[setting], settings.VITRINE_HOST);
  try {
    await app.listen(settings[setting], settings.VITRINE_HOST);
  } catch (error) {
    throw portProblem(setting, settings[setting], error as NodeJS.ErrnoException);
  }
  await threads?.share(app.getHttpServer());
  const { port } = app.getHttpServer().address() as { port: number };
  return `http://${settings.VITRINE_HOST === '0.0.0.0' ? '127.0.0.1' : settings.VITRINE_HOST}:${port}`;
}
