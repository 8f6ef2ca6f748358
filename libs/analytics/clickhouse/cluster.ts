import { AnalyticsRefused } from '../analytics.js';
import { everywhere, partOf } from '../schema/sharding.js';
import { type ClickHouseConnection, openServer, type ServerOptions, type Shard } from './client.js';

/** The tables of a cluster of shards: whole tables are asked of the first server, which asks the others; what concerns one customer alone is asked of each. */
export function openCluster(server: ServerOptions, name: string, urls: readonly string[]): ClickHouseConnection {
  const first = openServer(server);
  const opened: ClickHouseConnection[] = [first];
  const open = (url: string) => {
    if (url === server.url) return first;
    const connection = openServer({ ...server, url });
    opened.push(connection);
    return connection;
  };
  let found: Promise<readonly Shard[]> | undefined;
  const shards = () => {
    found ??= findShards(server, name, urls, open).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
  return {
    database: server.database,
    cluster: name,
    query: first.query,
    command: first.command,
    stream: first.stream,
    shards,
    async insert(table, rows, settings) {
      if (!everywhere.includes(table)) {
        // Returns when every shard has acknowledged its rows; what was written of a failed insert is written again, and is the same rows.
        await first.insert(table, rows, { ...settings, insert_distributed_sync: 1 });
        return;
      }
      const outcomes = await Promise.allSettled((await shards()).map(({ connection }) => connection.insert(table, rows, settings)));
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    },
    async createDatabase() {
      for (const { connection } of await shards()) await connection.createDatabase();
    },
    withDatabase: (database) => openCluster({ ...server, database }, name, urls),
    async close() {
      await found?.catch(() => undefined);
      await Promise.all(opened.map((connection) => connection.close()));
    },
  };
}

interface ShardRow {
  readonly shard: number;
  readonly weight: number;
  readonly host: string;
  readonly isLocal: number;
  readonly replicas: number;
}

interface Placed {
  readonly shard: number;
  readonly connection: ClickHouseConnection;
}

/**
 * Each server says which of the shards it is, so that no part is asked twice or forgotten. In the order of the shards.
 * @throws AnalyticsRefused when the addresses and the cluster do not belong together.
 */
async function findShards(
  server: ServerOptions,
  cluster: string,
  urls: readonly string[],
  open: (url: string) => ClickHouseConnection,
): Promise<readonly Shard[]> {
  const [given = server.url] = urls;
  const layout = await layoutAt(server, given, cluster);
  const addresses =
    urls.length <= 1 && layout.length > 1 ? layout.map(({ host, isLocal }) => (isLocal ? given : withHost(given, host))) : urls;
  const placed: Placed[] = [];
  for (const url of addresses) {
    const its = url === given ? layout : await layoutAt(server, url, cluster);
    const own = its.filter(({ isLocal }) => isLocal === 1);
    const host = hostOf(url);
    if (own.length !== 1)
      throw new AnalyticsRefused(`ClickHouse at ${host} is not one of the shards of the cluster ${cluster}, as it says`);
    if (weightsOf(its) !== weightsOf(layout))
      throw new AnalyticsRefused(`ClickHouse at ${host} knows the cluster ${cluster} otherwise than the one at ${hostOf(given)}`);
    placed.push({ shard: own[0]!.shard, connection: open(url) });
  }
  placed.sort((a, b) => a.shard - b.shard);
  if (placed.length !== layout.length || placed.some(({ shard }, index) => shard !== layout[index]!.shard)) {
    const are = placed.map(({ shard }) => shard).join(', ');
    throw new AnalyticsRefused(`the cluster ${cluster} has ${layout.length} shards; the addresses are those of ${are}: name one of each`);
  }
  const of = layout.reduce((sum, { weight }) => sum + weight, 0);
  let from = 0;
  return placed.map(({ connection }, index) => {
    const slots = { from, to: from + layout[index]!.weight, of };
    from = slots.to;
    return {
      connection,
      slots,
      part: partOf,
      // As Distributed tables do it: `spread` modulo the sum of the weights.
      holds: (client, customer) => `xxHash64(${client}, ${customer}) % ${of} BETWEEN ${slots.from} AND ${slots.to - 1}`,
    };
  });
}

async function layoutAt(server: ServerOptions, url: string, cluster: string): Promise<readonly ShardRow[]> {
  // Asked before the database is there.
  const connection = openServer({ ...server, url, database: 'system' });
  try {
    const rows = await connection.query<ShardRow>(
      `SELECT shard_num AS shard, any(shard_weight) AS weight, any(host_name) AS host, max(is_local) AS isLocal, toUInt32(count()) AS replicas
       FROM clusters WHERE cluster = {cluster:String} GROUP BY shard_num ORDER BY shard_num`,
      { cluster },
    );
    if (rows.length === 0) throw new AnalyticsRefused(`ClickHouse at ${hostOf(url)} knows no cluster ${cluster} (remote_servers)`);
    if (rows.some(({ replicas }) => replicas > 1))
      throw new AnalyticsRefused(`the cluster ${cluster} of ClickHouse has replicas; Vitrine's shards are one server each`);
    return rows;
  } finally {
    await connection.close();
  }
}

function weightsOf(layout: readonly ShardRow[]): string {
  return layout.map(({ shard, weight }) => `${shard}:${weight}`).join(' ');
}

function withHost(url: string, host: string): string {
  const other = new URL(url);
  other.hostname = host.includes(':') ? `[${host}]` : host;
  return other.href.replace(/\/$/, '');
}

function hostOf(url: string): string {
  return new URL(url).host;
}
