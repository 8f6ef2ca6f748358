/**
 * `POST /e/{clientId}` of the common form, answered before Fastify's routing: of a batch of 20 events, a route and its hooks cost as much as
 * reading them. A request that has anything unusual about it is Fastify's, untouched; a body that turns out to be unusual goes to
 * `Collecting.collect`, whose answers and refusals are sent as collect-http.ts sends them.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { crossOrigin, json, type Report, refusalOf } from './collect-http.js';
import type { Collecting } from './collecting.js';
import type { CollectorMetrics } from './metrics.js';
import { Refusal } from './refusal.js';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

const commonAddress = /^\/e\/([A-Za-z0-9][A-Za-z0-9_-]{0,63})$/;
const commonTypes: ReadonlySet<string | undefined> = new Set([
  undefined,
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'text/plain;charset=UTF-8',
]);
/** Longer bodies are read by Fastify, which knows the limit. */
const commonBodyBytesMax = 64 * 1024;
/** Clients, and pairs of a client and a declared origin, whose headers are kept. */
const knownMax = 10_000;

/** Stands before what listens to the server's requests now; `mayTake` says no while the server closes. */
export function takeCommonRequests(
  server: Server,
  mayTake: () => boolean,
  collecting: Collecting,
  metrics: CollectorMetrics,
  report: Report,
): void {
  const others = server.listeners('request') as Listener[];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const clientId = request.method === 'POST' && mayTake() ? commonClient(request) : undefined;
    if (clientId === undefined) for (const other of others) other.call(server, request, response);
    else collectFrom(request, response, clientId);
  });

  // The same for all requests of a client's pages; a client that is revised has other origins.
  const known = new Map<string, { readonly origins: readonly string[]; readonly headers: Readonly<Record<string, string>> }>();
  const headersFor = (request: IncomingMessage, clientId: string) => {
    const origins = collecting.originsOf(clientId);
    const { origin } = request.headers;
    // Origins that are not declared share one set: what a caller makes up takes no memory.
    const key = origin !== undefined && origins.includes(origin) ? `${clientId} ${origin}` : clientId;
    const found = known.get(key);
    if (found?.origins === origins) return found.headers;
    const headers = { ...crossOrigin(request, collecting), ...json };
    if (known.size >= knownMax) known.clear();
    known.set(key, { origins, headers });
    return headers;
  };

  const collectFrom = (request: IncomingMessage, response: ServerResponse, clientId: string) => {
    let body: Buffer | undefined;
    request.on('data', (chunk: Buffer) => {
      body = body === undefined ? chunk : Buffer.concat([body, chunk]);
    });
    request.on('end', () => {
      const began = performance.now();
      const headers = headersFor(request, clientId);
      const accepted = (text: string) => {
        metrics.took((performance.now() - began) / 1000);
        send(response, 202, headers, text);
      };
      const refused = (error: unknown) => {
        const refusal = refusalOf(error);
        metrics.requestRefused(refusal.code);
        if (refusal.status >= 500 && !(error instanceof Refusal)) report('taking in behaviour failed', error);
        const { status, code, message, retryAfter } = refusal;
        const told = retryAfter === undefined ? headers : { ...headers, 'retry-after': String(retryAfter) };
        send(response, status, told, JSON.stringify({ code, message }));
      };
      const all = body ?? Buffer.alloc(0);
      const common = collecting.collectCommon(clientId, all);
      if (common !== undefined) common.then((count) => accepted(`{"accepted":${count},"rejected":[]}`), refused);
      else {
        const asked = { clientId, body: all, authorization: undefined, waitForLog: false };
        collecting.collect(asked).then((collected) => accepted(JSON.stringify(collected)), refused);
      }
    });
  };
}

/** The client of a request whose address and headers ask for nothing unusual. */
function commonClient(request: IncomingMessage): string | undefined {
  const { headers, url = '' } = request;
  const clientId = commonAddress.exec(url)?.[1];
  if (clientId === undefined || headers.authorization !== undefined) return undefined;
  if (headers['content-encoding'] !== undefined || headers['transfer-encoding'] !== undefined || headers.expect !== undefined)
    return undefined;
  if (!commonTypes.has(headers['content-type'])) return undefined;
  return Number(headers['content-length']) <= commonBodyBytesMax ? clientId : undefined;
}

function send(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, text: string): void {
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(text)) });
  response.end(text);
}
