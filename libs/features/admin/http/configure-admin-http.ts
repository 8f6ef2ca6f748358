import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import { servePages } from './pages.js';
import { serveUploads } from './uploads.js';

/** The largest GraphQL request, in bytes: the largest criteria and content bodies fit in. */
export const requestBytesMax = 1024 * 1024;

/** Adds what is not GraphQL: the pages and the uploads. Call it before `app.init()` or `app.listen()`. */
export function configureAdminHttp(app: NestFastifyApplication): void {
  const server = app.getHttpAdapter().getInstance();
  // Routes are added when the application starts: each takes this limit, whatever the adapter was made with, but those with their own.
  server.addHook('onRoute', (route) => {
    route.bodyLimit ??= requestBytesMax;
  });
  servePages(server);
  serveUploads(server, app.get<AdminParts>(ADMIN_PARTS));
}
