import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Target } from './connection-string.js';

const waitMsMax = 2_000;

/** Why no server of a cluster answered, from a connection of our own to the first of them; undefined when it can be reached. */
export async function whyUnreachable({ hosts: [first], isTls, caFile }: Target): Promise<unknown> {
  if (!first) return undefined;
  const authority = caFile === undefined ? {} : { ca: readFileSync(caFile) };
  const socket = isTls ? connectTls({ ...first, ...authority, ALPNProtocols: ['h2'] }) : connect(first);
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(waitMsMax) });
    return undefined;
  } catch (error) {
    return error;
  } finally {
    socket.destroy();
  }
}
