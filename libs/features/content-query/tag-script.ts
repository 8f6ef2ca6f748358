/** `GET /tag.js`: the tag, from the same origin as the answers that it asks for. */
import type { FastifyInstance } from 'fastify';
import { tagScript } from '#libs/tag';

/** A page may load it anywhere. Browsers ask again after five minutes, and meanwhile use the one they have. */
const headers = {
  'content-type': 'text/javascript; charset=utf-8',
  'cache-control': 'public, max-age=300, stale-while-revalidate=86400',
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  'x-content-type-options': 'nosniff',
  'timing-allow-origin': '*',
  vary: 'accept-encoding',
};

/** Adds `/tag.js`. Call before the instance is ready. @throws Error when the tag was not built. */
export function addTagRoute(instance: FastifyInstance): void {
  const { bytes, gzipped, etag } = tagScript();
  instance.route({
    method: ['GET', 'HEAD'],
    url: '/tag.js',
    handler: (request, reply) => {
      reply.headers(headers).header('etag', etag);
      const known = request.headers['if-none-match']?.split(',').some((tag) => tag.trim() === etag || tag.trim() === '*');
      if (known) return reply.code(304).send();
      const takesGzip = /\bgzip\b(?!;\s*q=0(?:\.0+)?\s*(?:,|$))/.test(String(request.headers['accept-encoding'] ?? ''));
      if (takesGzip) reply.header('content-encoding', 'gzip');
      const body = takesGzip ? gzipped : bytes;
      if (request.method === 'HEAD') return reply.header('content-length', body.length).send();
      return reply.send(body);
    },
  });
}
