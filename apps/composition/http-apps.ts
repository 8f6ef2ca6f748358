/** The Nest applications of a process, and where they listen. */
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { configureContentQueryHttp, edgeServerOptions, ServingTables } from '#libs/features/content-query';
import { closeInTime, OpsModule, type ReadinessCheck, readUnreadBodies } from '#libs/features/ops';
import type { ImageHandler } from '#libs/snapshots/nats';
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

/** The public port of content queries, and of what stands beside them. Returns its address, and whether the node can answer. */
export async function contentQueryEdge(
  frame: ProcessFrame,
  features: readonly Feature[],
): Promise<{ address: string; ready: ReadinessCheck }> {
  const checks: ReadinessCheck[] = [];
  const app = await create(frame, features, checks, { metrics: false, adapter: new FastifyAdapter(edgeServerOptions) });
  configureContentQueryHttp(app);
  const ready: ReadinessCheck = { name: 'snapshots', check: () => app.get(ServingTables, { strict: false }).ready() };
  checks.push(ready);
  return { address: await listening(frame, app, 'VITRINE_EDGE_PORT'), ready };
}

/** The public port of a collector of its own. */
export async function collectorEdge(frame: ProcessFrame, feature: Feature, checks: readonly ReadinessCheck[]): Promise<string> {
  const app = await create(frame, [feature], checks, { metrics: false, adapter: new FastifyAdapter() });
  const { configureCollectorHttp } = await import('#libs/features/collector');
  configureCollectorHttp(app);
  return listening(frame, app, 'VITRINE_EDGE_PORT');
}

/** The private port of the admin: GraphQL, and health and metrics of the whole process. */
export async function adminPort(frame: ProcessFrame, feature: Feature, checks: readonly ReadinessCheck[]): Promise<string> {
  const app = await create(frame, [feature], checks, { metrics: true, adapter: new FastifyAdapter() });
  const { configureAdminHttp } = await import('#libs/features/admin');
  configureAdminHttp(app);
  return listening(frame, app, 'VITRINE_ADMIN_PORT');
}

/** The private port of every other process: health and metrics, and the snapshot builder's images. */
export async function opsPort(frame: ProcessFrame, checks: readonly ReadinessCheck[], images?: ImageHandler): Promise<string> {
  const app = await create(frame, [], checks, { metrics: true, adapter: new FastifyAdapter() });
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
  readonly metrics: boolean;
  readonly adapter: FastifyAdapter;
}

async function create(
  { registry }: ProcessFrame,
  features: readonly Feature[],
  checks: readonly ReadinessCheck[],
  creation: Creation,
): Promise<NestFastifyApplication> {
  const root = assembled(...features, OpsModule.register({ registry, checks, metrics: creation.metrics }));
  const app = await NestFactory.create<NestFastifyApplication>(root, creation.adapter, { abortOnError: false });
  readUnreadBodies(app.getHttpAdapter().getInstance());
  return app;
}

/** Where the app listens now, as an address. */
async function listening(
  { settings, closing }: ProcessFrame,
  app: NestFastifyApplication,
  setting: 'VITRINE_EDGE_PORT' | 'VITRINE_ADMIN_PORT' | 'VITRINE_OPS_PORT',
): Promise<string> {
  closing.add(() => closeInTime(() => app.close(), app.getHttpServer()));
  // Nest would put a line of its own before ours.
  await assertPortFree(setting, settings[setting], settings.VITRINE_HOST);
  try {
    await app.listen(settings[setting], settings.VITRINE_HOST);
  } catch (error) {
    throw portProblem(setting, settings[setting], error as NodeJS.ErrnoException);
  }
  const { port } = app.getHttpServer().address() as { port: number };
  return `http://${settings.VITRINE_HOST === '0.0.0.0' ? '127.0.0.1' : settings.VITRINE_HOST}:${port}`;
}
