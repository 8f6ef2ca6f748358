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

export interface TagAnswer {
  readonly status: 200 | 304;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

/** Answers by what a request's headers say of encodings and of what the browser has. @throws Error when the tag was not built. */
export function tagAnswers(): (acceptEncoding: string | undefined, ifNoneMatch: string | undefined) => TagAnswer {
  const { bytes, gzipped, etag } = tagScript();
  const own = { ...headers, etag };
  const whole: TagAnswer = { status: 200, headers: own, body: bytes };
  const packed: TagAnswer = { status: 200, headers: { ...own, 'content-encoding': 'gzip' }, body: gzipped };
  const unchanged: TagAnswer = { status: 304, headers: own, body: null };
  return (acceptEncoding, ifNoneMatch) => {
    if (ifNoneMatch?.split(',').some((tag) => tag.trim() === etag || tag.trim() === '*')) return unchanged;
    return /\bgzip\b(?!;\s*q=0(?:\.0+)?\s*(?:,|$))/.test(acceptEncoding ?? '') ? packed : whole;
  };
}

/** Adds `/tag.js`. Call before the instance is ready. @throws Error when the tag was not built. */
export function addTagRoute(instance: FastifyInstance): void {
  const answerTo = tagAnswers();
  instance.route({
    method: ['GET', 'HEAD'],
    url: '/tag.js',
    handler: (request, reply) => {
      const { status, headers, body } = answerTo(String(request.headers['accept-encoding'] ?? ''), request.headers['if-none-match']);
      reply.code(status).headers(headers);
      if (body === null) return reply.send();
      if (request.method === 'HEAD') return reply.header('content-length', body.length).send();
      return reply.send(body);
    },
  });
}
