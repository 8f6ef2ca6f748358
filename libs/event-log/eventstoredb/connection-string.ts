import { EventLogRefused } from './failures.js';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Target {
  /** For the client: without user and password, which every call carries instead. */
  readonly connectionString: string;
  readonly credentials: Credentials;
  /** Protocol and hosts, for messages: no secrets. */
  readonly name: string;
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly isTls: boolean;
  /** File of certificates to trust instead of the system's. */
  readonly caFile: string | undefined;
}

/** The client wants per-call credentials on the unary path; in the clear it never sends them. */
const unsent: Credentials = { username: 'none', password: 'none' };

/**
 * `esdb://[user:password@]host[:port][,host…][?tls=false&tlsCAFile=…]`, or `esdb+discover://` for a name that stands for a cluster. User and
 * password are taken out here, because the client cuts a password at its first colon and shows the whole text in its messages.
 * @throws EventLogRefused, in one line without secrets.
 */
export function readConnectionString(text: string, given: Credentials | undefined): Target {
  const [, protocol, userInfo, rest] = /^(esdb(?:\+discover)?):\/\/(?:([^/?]*)@)?(.*)$/s.exec(text.trim()) ?? [];
  if (protocol === undefined || rest === undefined)
    throw new EventLogRefused('the address of EventStoreDB begins with esdb:// or esdb+discover://');
  const [hosts = '', query = ''] = rest.split('?');
  const name = `${protocol}://${hosts.replace(/\/+$/, '')}`;
  const settings = settingsIn(query);
  const isTls = settings.get('tls') !== 'false';
  if (settings.get('tlsverifycert') === 'false')
    throw new EventLogRefused(`${name}: tlsVerifyCert=false is not supported; name the certificate's authority with tlsCAFile`);
  const credentials = given ?? (userInfo === undefined ? undefined : credentialsIn(userInfo, name));
  if (!credentials && isTls)
    throw new EventLogRefused(`${name}: over TLS EventStoreDB needs a user and a password: ${protocol}://user:password@host`);
  const caFile = settings.get('tlscafile');
  return {
    connectionString: `${protocol}://${rest}`,
    credentials: credentials ?? unsent,
    name,
    hosts: hosts
      .split(/[,/]+/)
      .filter((each) => each !== '')
      .map((each) => ({ host: each.split(':')[0] ?? '', port: Number(each.split(':')[1] ?? defaultPort) })),
    isTls,
    caFile: caFile === undefined ? undefined : decodeURIComponent(caFile),
  };
}

const defaultPort = 2113;

/** As the client reads them: names in any case, `-` and `_` left out. */
function settingsIn(query: string): Map<string, string> {
  return new Map(
    query.split('&').map((pair) => {
      const [key = '', value = ''] = pair.split('=');
      return [key.toLowerCase().replace(/[_-]/g, ''), value];
    }),
  );
}

function credentialsIn(userInfo: string, name: string): Credentials {
  const colon = userInfo.indexOf(':');
  if (colon < 1) throw new EventLogRefused(`${name}: a user needs a password: user:password@host`);
  try {
    return { username: decodeURIComponent(userInfo.slice(0, colon)), password: decodeURIComponent(userInfo.slice(colon + 1)) };
  } catch {
    throw new EventLogRefused(`${name}: a % in user or password is written %25`);
  }
}
