import { createServer } from 'node:net';

/** Something that a person has to change before Vitrine can start; the message is one line. */
export class StartRefused extends Error {
  readonly code = 'START_REFUSED';
}

/** @throws StartRefused when somebody listens on the port already; names the setting. */
export async function assertPortFree(setting: string, port: number, host: string): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => reject(portProblem(setting, port, error)));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve()));
  });
}

export function portProblem(setting: string, port: number, error: NodeJS.ErrnoException): Error {
  if (error.code === 'EADDRINUSE')
    return new StartRefused(`${setting}: port ${port} is taken; another one can be chosen, 0 takes a free one`, { cause: error });
  if (error.code === 'EACCES') return new StartRefused(`${setting}: port ${port} may not be used by this user`, { cause: error });
  if (error.code === 'EADDRNOTAVAIL') return new StartRefused('VITRINE_HOST: this machine has no such address', { cause: error });
  return error;
}
