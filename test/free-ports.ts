import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that Linux gives to outgoing connections and to whoever takes any port (32768 and above), so that none is gone when it is needed. */
const first = 12_000;
const perWorker = 5_000;
const workers = 4;

let next: number | undefined;

/** Ports of loopback on which nobody listens, each given once by this process; test runners beside it have others. */
export async function freePorts(count: number): Promise<number[]> {
  const worker = (Number(process.env['JEST_WORKER_ID'] ?? workers) - 1) % workers;
  const begin = first + worker * perWorker;
  next ??= Math.floor(Math.random() * perWorker);
  const found: number[] = [];
  for (let tried = 0; found.length < count; tried++) {
    if (tried === perWorker) throw new Error(`there are no ${count} free ports from ${begin} on`);
    const port = begin + next;
    next = (next + 1) % perWorker;
    if (await isFree(port)) found.push(port);
  }
  return found;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
