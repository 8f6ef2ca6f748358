/** The collector's address on a Fastify instance: a scope of its own, so that its parsers and errors are nobody else's. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Collecting } from './collecting.js';
import { collectBodyBytesMax } from './limits.js';
import type { CollectorMetrics } from './metrics.js';
import { Refusal } from './refusal.js';

export type Report = (message: string, error: unknown) => void;

/** Adds `/e/{clientId}`. Call before the instance is ready. */
export function addCollectRoutes(instance: FastifyInstance, collecting: Collecting, metrics: CollectorMetrics, report: Report): void {
  const refuse = (error: unknown, reply: FastifyReply) => {
    const refusal = refusalOf(error);
    metrics.requestRefused(refusal.code);
    if (refusal.status >= 500 && !(error instanceof Refusal)) report('taking in behaviour failed', error);
    return sendRefusal(reply, refusal);
  };
  instance.register(
    async (own) => {
      own.removeAllContentTypeParsers();
      own.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: collectBodyBytesMax }, (_request, body, done) => done(null, body));
      own.setErrorHandler((error, _request, reply) => refuse(error, reply));
      own.addHook('onRequest', (request, reply, done) => {
        reply.headers(crossOrigin(collecting, request.method, clientOf(request.raw.url ?? ''), request.headers.origin));
        done();
      });
      own.route<{ Params: { clientId: string } }>({
        method: 'POST',
        url: '/:clientId',
        bodyLimit: collectBodyBytesMax,
        handler: async (request, reply) => {
          const began = performance.now();
          requireJson(request);
          const waitForLog = waits(request.raw.url ?? '');
          const collected = await collecting.collect({
            clientId: request.params.clientId,
            body: request.body instanceof Uint8Array ? request.body : new Uint8Array(),
            authorization: request.headers.authorization,
            waitForLog,
          });
          if (!waitForLog) metrics.took((performance.now() - began) / 1000);
          return reply.code(202).headers(json).send(JSON.stringify(collected));
        },
      });
      own.route({ method: 'OPTIONS', url: '/:clientId', handler: async (_request, reply) => reply.code(204).send() });
      own.setNotFoundHandler((request, reply) => {
        const isOtherMethod = /^\/e\/[^/?]+(?:\?|$)/.test(request.raw.url ?? '');
        if (isOtherMethod) reply.header('allow', 'POST, OPTIONS');
        refuse(
          isOtherMethod
            ? new Refusal(405, 'METHOD_NOT_ALLOWED', 'this address takes POST')
            : new Refusal(404, 'NOT_FOUND', 'behaviour goes to /e/{clientId}'),
          reply,
        );
      });
    },
    { prefix: '/e' },
  );
}

export const json = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

export function sendRefusal(reply: FastifyReply, { status, code, message, retryAfter }: Refusal): FastifyReply {
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
  return reply.code(status).headers(json).send(JSON.stringify({ code, message }));
}

/** Our refusals as they are; the server's own by what they mean; a disk or a key store that does not answer is 503; all else is our fault. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Refusal(413, 'BODY_TOO_LARGE', `a body has at most ${collectBodyBytesMax} bytes`);
    case 'FST_ERR_BAD_URL':
      return new Refusal(400, 'URL_MALFORMED', 'the address holds a percent sign that begins no UTF-8');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return mediaTypeUnsupported();
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Refusal(414, 'URL_TOO_LONG', 'a part of the address is too long');
    case 'SPOOL_UNWRITABLE':
    case 'SPOOL_CLOSED':
      return new Refusal(503, 'SPOOL_UNAVAILABLE', 'the disk queue cannot be written now', 5);
  }
  if (code?.endsWith('_UNAVAILABLE') === true) return new Refusal(503, code, message ?? 'unavailable', 5);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Refusal(statusCode, 'REQUEST_MALFORMED', message ?? 'malformed');
  }
  return new Refusal(500, 'INTERNAL', 'this should not have happened');
}

function waits(target: string): boolean {
  const question = target.indexOf('?');
  if (question < 0) return false;
  const wait = new URLSearchParams(target.slice(question + 1)).get('wait');
  if (wait === null || wait === '') return false;
  if (wait !== 'log') throw new Refusal(400, 'WAIT_INVALID', 'wait can be "log"');
  return true;
}

/** `navigator.sendBeacon` sends JSON as text/plain, which needs no preflight; a body without a type is taken for JSON. */
function requireJson(request: FastifyRequest): void {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const encoding = request.headers['content-encoding'];
  const known = type === undefined || type === '' || type === 'application/json' || type === 'text/plain';
  if (known && (encoding === undefined || encoding === 'identity')) return;
  throw mediaTypeUnsupported();
}

function mediaTypeUnsupported(): Refusal {
  return new Refusal(415, 'MEDIA_TYPE_UNSUPPORTED', 'the body is application/json, or JSON as text/plain, not compressed');
}

/** The client that an address names, whether there is one or not. */
function clientOf(target: string): string | undefined {
  return /^\/e\/([A-Za-z0-9][A-Za-z0-9_-]{0,63})(?=[?]|$)/.exec(target)?.[1];
}

/** Every page may send; only the client's declared origins may send cookies along. */
export function crossOrigin(
  collecting: Collecting,
  method: string,
  clientId: string | undefined,
  origin: string | undefined,
): Record<string, string> {
  const headers: Record<string, string> = { vary: 'origin', 'access-control-allow-origin': '*' };
  if (origin !== undefined && clientId !== undefined && collecting.originsOf(clientId).includes(origin)) {
    headers['access-control-allow-origin'] = origin;
    headers['access-control-allow-credentials'] = 'true';
  }
  if (method === 'OPTIONS') {
    headers['access-control-allow-methods'] = 'POST';
    headers['access-control-allow-headers'] = 'content-type';
    headers['access-control-max-age'] = '86400';
  }
  return headers;
}
