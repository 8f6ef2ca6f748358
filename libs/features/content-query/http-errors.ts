import type { Socket } from 'node:net';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { refusalOf } from './edge-http.js';
import { refusedAnswer } from './http-answer.js';
import { urlBytesMax } from './limits.js';
import { Refused } from './refused.js';

const codes: Readonly<Record<number, string>> = {
  400: 'REQUEST_MALFORMED',
  401: 'KEY_REQUIRED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  413: 'BODY_TOO_LARGE',
  415: 'MEDIA_TYPE_UNSUPPORTED',
  429: 'TOO_MANY_REQUESTS',
  503: 'UNAVAILABLE',
};

/** What no handler answered for – unknown addresses, bodies that cannot be read – as `{"code","message"}`. */
@Catch()
export class JsonErrors implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { status, headers, body } = refusedAnswer(refusedOf(exception));
    reply.code(status);
    for (const name in headers) reply.header(name, headers[name]);
    reply.send(body);
  }
}

function refusedOf(exception: unknown): Refused {
  if (!(exception instanceof HttpException)) return refusalOf(exception);
  const status = exception.getStatus();
  const said = exception.getResponse();
  const own = typeof said === 'object' && 'code' in said && typeof said.code === 'string' ? said.code : undefined;
  return new Refused(
    status,
    own ?? codes[status] ?? `HTTP_${status}`,
    status === 404 ? 'there is nothing at this address' : exception.message,
  );
}

/** Options for the `FastifyAdapter` of a process that answers content queries: errors that happen before any route is found. */
export const edgeServerOptions = {
  // Our own limit says 414 with our own words.
  routerOptions: { maxParamLength: urlBytesMax * 2 },
  frameworkErrors(error: Error, _request: FastifyRequest, reply: FastifyReply): void {
    const { status, headers, body } = refusedAnswer(refusalOf(error));
    for (const name in headers) reply.header(name, headers[name]);
    reply.header('access-control-allow-origin', '*').code(status).send(body);
  },
  clientErrorHandler(error: Error & { code?: string; rawPacket?: unknown }, socket: Socket): void {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const refused =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? overflow(error.rawPacket)
        : new Refused(error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400, 'REQUEST_MALFORMED', 'this is no HTTP request');
    const { status, headers, body } = refusedAnswer(refused);
    const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body ?? ''), connection: 'close' });
    if (socket.writable)
      socket.write(`HTTP/1.1 ${status} ${refused.code}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
    socket.destroySoon();
  },
};

/** The parser does not say what was too long; a first line without an end can only be the address. */
function overflow(packet: unknown): Refused {
  const text = Buffer.isBuffer(packet) ? packet.toString('latin1') : '';
  const lineEnd = text.indexOf('\n');
  if (/^[A-Z]+ \//.test(text) && (lineEnd < 0 || lineEnd > urlBytesMax)) {
    return new Refused(414, 'URL_TOO_LONG', `the address is longer than ${urlBytesMax} bytes`);
  }
  return new Refused(431, 'HEADERS_TOO_LARGE', 'the address and headers take more than 16 kB');
}

/** Makes every error of the application `{"code","message"}`. The adapter has to be made with `edgeServerOptions`. */
export function configureContentQueryHttp(app: NestFastifyApplication): void {
  // biome-ignore lint/correctness/useHookAtTopLevel: a method of Nest's, no React hook
  app.useGlobalFilters(new JsonErrors());
}
