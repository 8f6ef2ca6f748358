import { AnalyticsRefused } from '../analytics.js';
import type { ClickHouseOptions } from './open-clickhouse.js';

const form = 'http(s)://user:password@host:port/database';
/** Where ClickHouse listens unless it is told otherwise. */
const ports = { http: 8123, https: 8443 } as const;

/**
 * Reads VITRINE_ANALYTICS of a running ClickHouse: `http(s)://user:password@host[:port][/database][?tlsCAFile=/path/of/a.pem]`. Absent: ports 8123
 * and 8443, database `vitrine`. With VITRINE_ANALYTICS_CLUSTER, the name of a cluster whose shards these are, there may be several hosts with commas
 * between: one of each shard, or one alone when all listen on the same port under the names that `remote_servers` gives them.
 * @throws AnalyticsRefused in one line without secrets.
 */
export function clickHouseAddress(text: string, cluster?: string): ClickHouseOptions {
  const [, protocol, userInfo, hostText = '', path = '', query = ''] =
    /^(https?):\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(text.trim()) ?? [];
  if (protocol !== 'http' && protocol !== 'https') throw new AnalyticsRefused(`the address of ClickHouse has the form ${form}`);
  const urls = hostText.split(',').map((host) => serverUrl(protocol, userInfo, host.trim()));
  const [url = ''] = urls;
  if (cluster === undefined && urls.length > 1)
    throw new AnalyticsRefused('several hosts of ClickHouse are the shards of a cluster: VITRINE_ANALYTICS_CLUSTER names it');
  if (cluster !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(cluster))
    throw new AnalyticsRefused(`VITRINE_ANALYTICS_CLUSTER is a name of letters, digits, _, . and -, and not ${JSON.stringify(cluster)}`);
  const database = decoded(path.replace(/\/$/, '')) || 'vitrine';
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(database))
    throw new AnalyticsRefused(
      `the database of ClickHouse's address is a name of letters, digits and _, and not ${JSON.stringify(database)}`,
    );
  const caFile = authoritiesIn(query);
  if (caFile !== null && protocol === 'http')
    throw new AnalyticsRefused('tlsCAFile is for an address of ClickHouse that begins with https://');
  return {
    url,
    database,
    ...(caFile === null ? {} : { caFile }),
    ...(cluster === undefined ? {} : { cluster: { name: cluster, urls } }),
  };
}

function authoritiesIn(query: string): string | null {
  const settings = new URLSearchParams(query);
  const caFile = settings.get('tlsCAFile');
  settings.delete('tlsCAFile');
  const [unknown] = settings.keys();
  if (unknown !== undefined) throw new AnalyticsRefused(`the address of ClickHouse takes ?tlsCAFile= and no ${unknown}`);
  return caFile;
}

function serverUrl(protocol: keyof typeof ports, userInfo: string | undefined, host: string): string {
  const withPort = /:\d+$/.test(host) ? host : `${host}:${ports[protocol]}`;
  const url = `${protocol}://${withPort}`;
  if (host === '' || !URL.canParse(url))
    throw new AnalyticsRefused(`the address of ClickHouse has the form ${form}: ${JSON.stringify(host)} is no host`);
  if (userInfo === undefined || userInfo === '') return url;
  const colon = userInfo.indexOf(':');
  const [user, password] = colon < 0 ? [userInfo, ''] : [userInfo.slice(0, colon), userInfo.slice(colon + 1)];
  return `${protocol}://${encodeURIComponent(decoded(user))}:${encodeURIComponent(decoded(password))}@${withPort}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AnalyticsRefused('the address of ClickHouse writes a % in user, password or database as %25');
  }
}
