/** The Nest applications of a process, and where they listen. */
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Registry } from 'prom-client';
import { configureAdminHttp } from '#libs/features/admin';
import { configureContentQueryHttp, edgeServerOptions, ServingTables } from '#libs/features/content-query';
import { OpsModule, type ReadinessCheck, readUnreadBodies } from '#libs/features/ops';
import type { Settings } from '#libs/settings';
import type { Closing } from './closing.js';
import { portProblem } from './free-port.js';

@Module({})
class Assembly {}

/** Features of one Nest application. */
export const assembled = (...imports: DynamicModule[]): DynamicModule => ({ module: Assembly, imports });

/** The public port: the content query and the collector. */
export async function edgeApp(features: readonly DynamicModule[], registry: Registry): Promise<NestFastifyApplication> {
  const checks: ReadinessCheck[] = [];
  const root = assembled(...features, OpsModule.register({ registry, checks, metrics: false }));
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(edgeServerOptions), { abortOnError: false });
  configureContentQueryHttp(app);
  readUnreadBodies(app.getHttpAdapter().getInstance());
  checks.push({ name: 'snapshots', check: () => app.get(ServingTables, { strict: false }).ready() });
  return app;
}

/** The private port: GraphQL, health and metrics of the whole process. */
export async function adminApp(
  feature: DynamicModule,
  registry: Registry,
  checks: readonly ReadinessCheck[],
): Promise<NestFastifyApplication> {
  const root = assembled(feature, OpsModule.register({ registry, checks, metrics: true }));
  const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), { abortOnError: false });
  configureAdminHttp(app);
  readUnreadBodies(app.getHttpAdapter().getInstance());
  return app;
}

/** Where the app listens now, as an address. */
export async function listening(
  app: NestFastifyApplication,
  setting: 'VITRINE_EDGE_PORT' | 'VITRINE_ADMIN_PORT',
  settings: Settings,
  closing: Closing,
): Promise<string> {
  closing.add(() => app.close());
  try {
    await app.listen(settings[setting], settings.VITRINE_HOST);
  } catch (error) {
    throw portProblem(setting, settings[setting], error as NodeJS.ErrnoException);
  }
  const { port } = app.getHttpServer().address() as { port: number };
  return `http://${settings.VITRINE_HOST === '0.0.0.0' ? '127.0.0.1' : settings.VITRINE_HOST}:${port}`;
}
