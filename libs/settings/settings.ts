import { resolve } from 'node:path';

/** Every `VITRINE_*` setting: its meaning, default and check, in one table. Values are strings from the environment; `parse` returns the value or throws an Error that says what is expected. */
interface Setting<Value> {
  readonly about: string;
  /** As it would be written in the environment; undefined: absent. */
  readonly fallback?: string;
  readonly secret?: boolean;
  parse(text: string): Value;
}

const text = (about: string, fallback?: string): Setting<string> => ({
  about,
  ...(fallback === undefined ? {} : { fallback }),
  parse: (value) => value,
});
const secret = (about: string, lengthMin: number): Setting<string> => ({
  about,
  secret: true,
  parse: (value) => {
    if (value.length < lengthMin) throw new Error(`at least ${lengthMin} characters`);
    return value;
  },
});
const whole = (about: string, fallback: number, min: number, max: number): Setting<number> => ({
  about,
  fallback: String(fallback),
  parse: (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) throw new Error(`a whole number from ${min} to ${max}`);
    return number;
  },
});
const port = (about: string, fallback: number) => whole(`${about}; 0 takes a free one`, fallback, 0, 65_535);
const engine = (about: string, fallback: string, schemes: readonly string[]): Setting<string> => ({
  about,
  fallback,
  parse: (value) => {
    if (!schemes.some((scheme) => value.startsWith(scheme))) throw new Error(`an address that begins with ${schemes.join(' or ')}`);
    return value;
  },
});
const onOff = (about: string, fallback: 'on' | 'off'): Setting<boolean> => ({
  about,
  fallback,
  parse: (value) => {
    if (value !== 'on' && value !== 'off') throw new Error('on or off');
    return value === 'on';
  },
});

const catalogue = {
  VITRINE_DATA: text('Folder of everything that standalone keeps on this machine.', './.vitrine'),
  VITRINE_EVENT_LOG: engine(
    'The event log. `file:` is a folder in VITRINE_DATA, `file:<path>` another one; `esdb://…` and `esdb+discover://…` are EventStoreDB.',
    'file:',
    ['file:', 'esdb://', 'esdb+discover://'],
  ),
  VITRINE_ANALYTICS: engine(
    'ClickHouse. `chdb:` starts the embedded one beside this process; `http(s)://user:password@host:port/database` uses a running one (database `vitrine` when absent; several hosts, separated by commas, for shards).',
    'chdb:',
    ['chdb:', 'http://', 'https://'],
  ),
  VITRINE_ANALYTICS_CLUSTER: text(
    'The cluster of VITRINE_ANALYTICS, as its `remote_servers` name it: the tables are spread over its shards. Absent: one server.',
  ),
  VITRINE_SNAPSHOTS: engine(
    'Where snapshots are published. `file:` is a folder in VITRINE_DATA, `file:<path>` another one; `nats://user:password@host:4222` or `tls://…` is NATS, which then also keeps the customers’ keys and says who leads.',
    'file:',
    ['file:', 'nats://', 'tls://'],
  ),
  VITRINE_HOST: text('Address on which the edge and the admin listen; 0.0.0.0 is every network.', '127.0.0.1'),
  VITRINE_EDGE_PORT: port('Port of the content query and the collector', 8080),
  VITRINE_ADMIN_PORT: port('Port of the GraphQL admin, health and metrics', 8081),
  VITRINE_OPS_PORT: port('Port of health and metrics of a process that is not the admin, and of the snapshot builder’s images', 8082),
  VITRINE_NODE: {
    about:
      'Name of this process among those of its kind on this data folder; part of the streams that it writes. Absent: generated and kept.',
    parse: (value: string) => {
      if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/.test(value)) throw new Error('a name of 1 to 48 letters, digits, _ and -');
      return value;
    },
  } satisfies Setting<string>,
  VITRINE_CLIENTS: {
    about: 'The clients that this content-query node serves, separated by commas. Absent: all.',
    parse: (value: string) => {
      const ids = value.split(',').map((id) => id.trim());
      if (!ids.every((id) => /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(id))) throw new Error('a list of client ids, separated by commas');
      return new Set(ids) as ReadonlySet<string>;
    },
  } satisfies Setting<ReadonlySet<string>>,
  VITRINE_IMAGES_URL: {
    about:
      'With NATS: how nodes reach the operations port of the snapshot builder, such as http://snapshot-builder:8082. Absent: by VITRINE_HOST.',
    parse: (value: string) => {
      if (!URL.canParse(value) || !/^https?:/.test(value)) throw new Error('an http(s) address');
      return value.replace(/\/+$/, '');
    },
  } satisfies Setting<string>,
  VITRINE_ANALYTICS_PORT: port('Port on loopback where the embedded ClickHouse speaks HTTP', 8123),
  VITRINE_ANALYTICS_NATIVE_PORT: port('Port on loopback where the embedded ClickHouse speaks its native protocol', 9000),
  VITRINE_READER_PASSWORD: secret(
    'Password of the ClickHouse user `reader`, who may read vitrine.* and nothing else. Absent: generated into the data folder.',
    8,
  ),
  VITRINE_PUBLIC_URL: {
    about:
      'How browsers reach the edge, such as https://shop.example; click addresses begin with it. Absent: as the request named its host.',
    parse: (value: string) => {
      const url = URL.canParse(value) ? new URL(value) : undefined;
      if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
        throw new Error('an http(s) address without query');
      return value.replace(/\/+$/, '');
    },
  } satisfies Setting<string>,
  VITRINE_SECRET: secret(
    'Signs click addresses and wraps the customers’ keys; the same for all processes. Absent: standalone generates one into the data folder.',
    16,
  ),
  VITRINE_ADMIN_KEY: secret('The first API key, valid for all clients. Absent: standalone generates one into the data folder.', 24),
  VITRINE_INCREMENT_SECONDS: whole(
    'How often the customers touched since are judged again and an increment of the audience goes out.',
    2,
    1,
    3600,
  ),
  VITRINE_COUNTRY_HEADER: {
    about: 'Request header in which a trusted proxy names the country (ISO 3166-1 alpha-2) for `request.country`, such as CF-IPCountry.',
    parse: (value: string) => {
      if (!/^[A-Za-z0-9-]{1,64}$/.test(value)) throw new Error('the name of a request header');
      return value.toLowerCase();
    },
  } satisfies Setting<string>,
  VITRINE_FAST_PATH: onOff(
    'Answers common content queries, and takes in common behaviour, on the plain socket, before the HTTP server; off: the HTTP server answers all.',
    'on',
  ),
  VITRINE_WORKERS: whole(
    'Threads of a content-query process that answer on its port, with one audience in memory; about one per core. Other processes have one.',
    1,
    1,
    64,
  ),
  VITRINE_SPOOL_BYTES_MAX: whole(
    'Bytes of facts that may wait on disk for the log; past it the collector answers 503 and answers go unrecorded.',
    1_073_741_824,
    1_048_576,
    2 ** 50,
  ),
  VITRINE_UPLOAD_BYTES_MAX: whole('Bytes of one uploaded import file.', 1_073_741_824, 1024, 2 ** 40),
  VITRINE_COLLECT_RATE_MAX: whole('Requests per second that one client may send to /e; 0 is no limit.', 0, 0, 1_000_000),
  VITRINE_SNAPSHOT_RETENTION_HOURS: whole(
    'Hours for which replaced snapshots are kept, so that past answers can be explained.',
    72,
    1,
    24 * 366,
  ),
  VITRINE_DEMO: onOff('Serves the demo shop, set up from real data at the first start.', 'off'),
} satisfies Record<string, Setting<unknown>>;

type Catalogue = typeof catalogue;
export type SettingName = keyof Catalogue;

/** Settings without a default. */
type MayBeAbsent =
  | 'VITRINE_ANALYTICS_CLUSTER'
  | 'VITRINE_READER_PASSWORD'
  | 'VITRINE_PUBLIC_URL'
  | 'VITRINE_SECRET'
  | 'VITRINE_ADMIN_KEY'
  | 'VITRINE_COUNTRY_HEADER'
  | 'VITRINE_NODE'
  | 'VITRINE_CLIENTS'
  | 'VITRINE_IMAGES_URL';

/** Parsed settings; those without a default are undefined when absent. */
export type Settings = {
  readonly [Name in SettingName]: ReturnType<Catalogue[Name]['parse']> | (Name extends MayBeAbsent ? undefined : never);
};

/** What is wrong with the environment: one line per setting. */
export class SettingsInvalid extends Error {
  readonly code = 'SETTINGS_INVALID';
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

const isSettingName = (name: string): name is SettingName => Object.hasOwn(catalogue, name);

/** Reads the settings. @throws SettingsInvalid naming every unknown or malformed `VITRINE_*` variable. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(environment)) {
    // VITRINE_TEST_* belongs to the test suites.
    if (name.startsWith('VITRINE_') && !name.startsWith('VITRINE_TEST_') && !isSettingName(name))
      problems.push(`${name}: unknown setting (vitrine config lists them)`);
  }
  for (const [name, setting] of Object.entries<Setting<unknown>>(catalogue)) {
    const given = environment[name];
    const value = given === undefined || given === '' ? setting.fallback : given;
    if (value === undefined) continue;
    try {
      values[name] = setting.parse(value);
    } catch (error) {
      problems.push(
        `${name}: ${setting.secret ? 'its value' : `"${value.slice(0, 80)}"`} is not ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  if (problems.length > 0) throw new SettingsInvalid(problems);
  values['VITRINE_DATA'] = resolve(String(values['VITRINE_DATA']));
  // Every name of the catalogue was parsed by its own parser just above.
  return values as Settings;
}

export interface SettingRow {
  readonly name: string;
  readonly about: string;
  readonly fallback: string;
  /** As in the environment, secrets hidden; empty when absent. */
  readonly given: string;
}

/** All settings with their meaning, for `vitrine config` and docs. */
export function describeSettings(environment: Readonly<Record<string, string | undefined>>): SettingRow[] {
  return Object.entries<Setting<unknown>>(catalogue).map(([name, setting]) => {
    const given = environment[name] ?? '';
    return { name, about: setting.about, fallback: setting.fallback ?? '', given: setting.secret && given !== '' ? '(set)' : given };
  });
}
