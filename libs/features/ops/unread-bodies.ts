import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Bytes and time for which a refused request's body is still read. Beyond, the connection is cut. */
export const unreadBytesMax = 64 * 1024 * 1024;
export const unreadMsMax = 10_000;

/**
 * Reads what is left of a body before an answer that came early (413, 401, …) goes out. Else the connection would close while the sender still
 * writes, and many senders, `fetch` among them, then report a broken connection and never see the answer. Call before the instance is ready.
 */
export function readUnreadBodies(instance: FastifyInstance): void {
  instance.addHook('onSend', (request, _reply, payload, done) => {
    const { raw } = request;
    if (raw.complete || !hasBody(raw)) done(null, payload);
    else void toItsEnd(raw).then(() => done(null, payload));
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0');
}

function toItsEnd(raw: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > unreadBytesMax) end();
    };
    const end = () => {
      clearTimeout(timer);
      raw.off('data', count).off('end', end).off('close', end).off('error', end);
      resolve();
    };
    const timer = setTimeout(end, unreadMsMax);
    raw.on('data', count).on('end', end).on('close', end).on('error', end);
    raw.resume();
  });
}
