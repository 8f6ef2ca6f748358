import { type ClickHouseConnection, openServer, type ServerOptions } from './client.js';
import { openCluster } from './cluster.js';

export interface ClickHouseOptions extends ServerOptions {
  /** The servers are the shards of this cluster (`remote_servers` in their configuration). */
  readonly cluster?: {
    readonly name: string;
    /** Like `url`: one for each shard in any order, or one alone when every shard listens on the same port. */
    readonly urls: readonly string[];
  };
}

/** Does not connect yet. @throws AnalyticsRefused when the file of authorities cannot be read. */
export function openClickHouse({ cluster, ...server }: ClickHouseOptions): ClickHouseConnection {
  return cluster === undefined ? openServer(server) : openCluster(server, cluster.name, cluster.urls);
}
