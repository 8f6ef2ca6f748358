/** The content query's addresses on a Fastify instance: a scope of its own, so that its parsers and errors are nobody else's. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Answering, Caller } from './answering.js';
import { parsePath } from './content-query.js';
import { type HttpAnswer, nothing, refusedAnswer } from './http-answer.js';
import { bodyBytesMax } from './limits.js';
import type { ContentQueryMetrics } from './metrics.js';
import { malformed, Refused } from './refused.js';

export interface EdgeHttpOptions {
  /** `VITRINE_PUBLIC_URL`, without a slash at its end. Absent: as the request named its host. */
  readonly publicUrl?: string | undefined;
  /** `VITRINE_COUNTRY_HEADER`. */
  readonly countryHeader?: string | undefined;
  /** Told of faults that are no fault of the request. */
  readonly report: (message: string, error: unknown) => void;
}

/** Adds `/q/…` and `/k/…`. Call before the instance is ready. */
export function addContentQueryRoutes(
  instance: FastifyInstance,
  answering: Answering,
  metrics: ContentQueryMetrics,
  options: EdgeHttpOptions,
): void {
  const callerOf = callers(options);
  const answerOf = answersOrRefusals(metrics, options);
  /** Sends what `work` answers or refuses, and takes its time. */
  const answered =
    (work: (request: FastifyRequest, caller: Caller) => HttpAnswer): RouteHandlerMethod =>
    (request, reply) => {
      const began = performance.now();
      send(
        request,
        reply,
        answerOf(() => work(request, callerOf(request.headers, request.method, request.protocol === 'https'))),
      );
      metrics.took((performance.now() - began) / 1000);
      return reply;
    };
  const refuse = (refused: (request: FastifyRequest) => unknown) => (request: FastifyRequest, reply: FastifyReply) =>
    send(
      request,
      reply,
      answerOf(() => {
        throw refused(request);
      }),
    );

  const scope = (prefix: '/q' | '/k', routes: (scope: FastifyInstance) => void) =>
    instance.register(
      async (own) => {
        own.removeAllContentTypeParsers();
        own.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: bodyBytesMax }, (_request, body, done) => done(null, body));
        own.setErrorHandler((error, request, reply) => refuse(() => error)(request, reply));
        if (prefix === '/q')
          own.addHook('onRequest', (request, reply, done) => {
            reply.headers(crossOrigin(answering, request.method, request.raw.url ?? '', request.headers.origin));
            done();
          });
        routes(own);
      },
      { prefix },
    );

  scope('/q', (own) => {
    const query = answered((request, caller) => answering.query(request.raw.url ?? '', caller));
    const batch = answered((request, caller) => {
      requireJson(request);
      return answering.batch(request.raw.url ?? '', Buffer.isBuffer(request.body) ? request.body : noBody, caller);
    });
    const preflight = answered((request) => {
      parsePath(request.raw.url ?? '');
      return nothing();
    });
    for (const url of ['', '/*']) {
      own.route({ method: ['GET', 'HEAD'], url, handler: query });
      own.route({ method: 'POST', url, handler: batch });
      own.route({ method: 'OPTIONS', url, handler: preflight });
    }
    own.setNotFoundHandler(notAllowed('GET, HEAD, POST, OPTIONS', refuse));
  });
  scope('/k', (own) => {
    own.route({
      method: ['GET', 'HEAD'],
      url: '/*',
      handler: answered((request, caller) => answering.click(request.raw.url ?? '', caller)),
    });
    own.setNotFoundHandler(notAllowed('GET, HEAD', refuse));
  });
}

const noBody = new Uint8Array();

function notAllowed(
  allowed: string,
  refuse: (refused: (request: FastifyRequest) => unknown) => (request: FastifyRequest, reply: FastifyReply) => void,
) {
  return (request: FastifyRequest, reply: FastifyReply) => {
    const isOtherMethod = !allowed.split(', ').includes(request.method);
    if (isOtherMethod) reply.header('allow', allowed);
    refuse(() =>
      isOtherMethod
        ? new Refused(405, 'METHOD_NOT_ALLOWED', `this address takes ${allowed}`)
        : new Refused(404, 'NOT_FOUND', 'there is nothing at this address'),
    )(request, reply);
  };
}

/** Our refusals as they are; the server's own by what they mean; all else is our fault. */
export function refusalOf(error: unknown): Refused {
  if (error instanceof Refused) return error;
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Refused(413, 'BODY_TOO_LARGE', `a body has at most ${bodyBytesMax} bytes`);
    case 'FST_ERR_BAD_URL':
      return malformed('URL_MALFORMED', 'the address holds a percent sign that begins no UTF-8');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Refused(414, 'URL_TOO_LONG', 'a part of the address is too long');
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Refused(statusCode, 'REQUEST_MALFORMED', message ?? 'malformed');
  return new Refused(500, 'INTERNAL', 'this should not have happened');
}

function send(request: FastifyRequest, reply: FastifyReply, { status, headers, body }: HttpAnswer): void {
  reply.code(status);
  for (const name in headers) reply.header(name, headers[name]);
  if (request.method !== 'HEAD') {
    reply.send(body ?? undefined);
    return;
  }
  if (body !== null) reply.header('content-length', Buffer.byteLength(body));
  reply.send();
}

/** Tags send JSON as text/plain, which needs no preflight; a body without a type is taken for JSON. */
function requireJson(request: FastifyRequest): void {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === undefined || type === '' || type === 'application/json' || type === 'text/plain') return;
  throw new Refused(415, 'MEDIA_TYPE_UNSUPPORTED', 'the body is application/json, or JSON as text/plain');
}

/** What `work` answers, or a refusal as an answer, counted; a fault of ours is told besides. */
export function answersOrRefusals(
  metrics: ContentQueryMetrics,
  { report }: Pick<EdgeHttpOptions, 'report'>,
): (work: () => HttpAnswer) => HttpAnswer {
  return (work) => {
    try {
      return work();
    } catch (error) {
      const refused = refusalOf(error);
      metrics.refused(refused.code);
      if (refused.status >= 500 && !(error instanceof Refused)) report('a content query failed', error);
      return refusedAnswer(refused);
    }
  };
}

/** Every page may ask; only the client's declared origins may send cookies along. */
export function crossOrigin(
  answering: Pick<Answering, 'originsOf'>,
  method: string,
  target: string,
  origin: string | undefined,
): Record<string, string> {
  const headers: Record<string, string> = { vary: 'origin', 'access-control-allow-origin': '*' };
  if (origin !== undefined) {
    const clientId = /^\/q\/([A-Za-z0-9][A-Za-z0-9_-]{0,63})(?=[/?]|$)/.exec(target)?.[1];
    if (clientId !== undefined && answering.originsOf(clientId).includes(origin)) {
      headers['access-control-allow-origin'] = origin;
      headers['access-control-allow-credentials'] = 'true';
    }
  }
  if (method === 'OPTIONS') {
    headers['access-control-allow-methods'] = 'GET, HEAD, POST';
    headers['access-control-allow-headers'] = 'content-type';
    headers['access-control-max-age'] = '86400';
  }
  return headers;
}

const hostForm = /^[A-Za-z0-9.-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/;

/** Reads the caller from the headers, in lower case as Node has them. @throws Refused 400 for a Host that names none. */
export type CallerOf = (headers: IncomingHttpHeaders, method: string, encrypted: boolean) => Caller;

export function callers({ publicUrl, countryHeader }: Omit<EdgeHttpOptions, 'report'>): CallerOf {
  return (headers, method, encrypted) => {
    // A caller who lies about the scheme gets addresses and cookies that do not work, and nobody else's answer changes.
    const forwarded = headers['x-forwarded-proto'];
    const scheme = encrypted || (typeof forwarded === 'string' && /^https\b/i.test(forwarded)) ? 'https' : 'http';
    if (publicUrl === undefined && !hostForm.test(headers.host ?? '')) throw malformed('HOST_MALFORMED', 'the Host header names no host');
    const base = publicUrl ?? `${scheme}://${headers.host}`;
    const country = countryHeader === undefined ? undefined : headers[countryHeader.toLowerCase()];
    const purpose = headers['sec-purpose'] ?? headers['purpose'];
    return {
      looksOnly: method === 'HEAD',
      prefetches: typeof purpose === 'string' && purpose.includes('prefetch'),
      secure: base.startsWith('https:'),
      base,
      cookie: headers.cookie,
      userAgent: headers['user-agent'],
      referer: headers.referer,
      country:
        typeof country === 'string' && /^[A-Za-z]{2}$/.test(country) && country.toUpperCase() !== 'XX' ? country.toUpperCase() : null,
    };
  };
}
