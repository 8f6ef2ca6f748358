/** Our own processes, as an operations team starts them. */
import { join } from 'node:path';
import { freePort, root, type Server, type ServerOptions, startServer } from './processes.js';
import { idOf } from './shop.js';

export interface Ours extends Server {
  /** A counter or gauge of its metrics, summed over labels unless the name brings them as they are written; 0 when there is none. */
  metric(name: string): Promise<number>;
}

export interface OursOptions {
  readonly app: 'content-query' | 'collector';
  /** `VITRINE_DATA`, the process's own. */
  readonly data: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly core?: number | null;
  readonly ready?: (url: string) => Promise<boolean>;
}

/** As every process of a deployment has it; the log is a folder of the data folder. */
export async function startOurs({ app, data, environment = {}, core, ready }: OursOptions): Promise<Ours> {
  const [edge, ops] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${edge}`;
  const options: ServerOptions = {
    name: `vitrine ${app}`,
    command: [process.execPath, join(root, `dist/apps/${app}/main.js`)],
    url,
    environment: {
      VITRINE_DATA: data,
      VITRINE_EDGE_PORT: String(edge),
      VITRINE_OPS_PORT: String(ops),
      VITRINE_SECRET: 'a secret of the benchmarks only',
      VITRINE_PUBLIC_URL: 'https://edge.shop.example',
      ...environment,
    },
    ...(core === undefined ? {} : { core }),
    ready: async (output) => output.includes('"running"') && (ready === undefined || (await ready(url))),
  };
  const server = await startServer(options);
  return {
    ...server,
    metric: async (name) => {
      const text = await (await fetch(`http://127.0.0.1:${ops}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
  };
}

/**
 * A content-query node that answers from its audience, and whose log is away, unless `environment` names one: its records go to its disk, as always, and
 * stay there. A node brings them into the log when requests leave it time; between turns of load it would, in the middle of the other's turn.
 */
export async function startNode(
  data: string,
  snapshots: string,
  clientId: string,
  options: Pick<OursOptions, 'environment' | 'core'> = {},
): Promise<Ours> {
  return startOurs({
    app: 'content-query',
    data,
    ...options,
    environment: {
      VITRINE_SNAPSHOTS: `file:${snapshots}`,
      VITRINE_CLIENTS: clientId,
      VITRINE_EVENT_LOG: `esdb://127.0.0.1:${await freePort()}?tls=false`,
      VITRINE_SPOOL_BYTES_MAX: String(2 ** 40),
      ...options.environment,
    },
    ready: (url) => answersFromAudience(url, clientId),
  });
}

export async function answersFromAudience(url: string, clientId: string): Promise<boolean> {
  const response = await fetch(`${url}/q/${clientId}/home?c=${idOf(0)}&p=hero`);
  return response.ok && ((await response.json()) as { audience: string | null }).audience !== null;
}
