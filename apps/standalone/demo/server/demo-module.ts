/** The demo shop as a Nest module: put beside the edge's features, it adds `/demo/…` to the same port. They do not know of it. */
import { type DynamicModule, Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Catalogue } from '../catalogue/catalogue.js';
import { nothingHere } from '../pages/shop-pages.js';
import { Assets } from './assets.js';
import { addShopRoutes, pageSender } from './shop-routes.js';
import { RunningSystem } from './system.js';
import { addSystemRoutes } from './system-routes.js';

const formBytesMax = 4096;
const SYSTEM = Symbol('RunningSystem');

@Injectable()
class DemoShop implements OnModuleInit {
  constructor(
    @Inject(SYSTEM) private readonly system: RunningSystem,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    addDemo(this.host.httpAdapter.getInstance<FastifyInstance>(), this.system);
  }
}

@Module({})
export class DemoModule {
  /** The strip and the pages about the system say that it is being set up until `system.connect`. */
  static register(system: RunningSystem): DynamicModule {
    return { module: DemoModule, providers: [{ provide: SYSTEM, useValue: system }, DemoShop] };
  }
}

/** Adds `/demo/…`. Call before the instance is ready. */
export function addDemo(server: FastifyInstance, system: RunningSystem): void {
  const shop = { catalogue: Catalogue.open(), assets: new Assets() };
  server.get('/demo', (_, reply) => reply.redirect('/demo/', 308));
  server.register(
    async (own) => {
      own.removeAllContentTypeParsers();
      own.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: formBytesMax }, (_, body, done) =>
        done(null, new URLSearchParams(String(body))),
      );
      own.setNotFoundHandler((request, reply) => pageSender(shop)(request, reply, nothingHere('There is nothing at this address'), 404));
      addShopRoutes(own, shop);
      addSystemRoutes(own, shop, system);
    },
    { prefix: '/demo' },
  );
}
