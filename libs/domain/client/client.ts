/** A client: the merchant who uses the system. Its settings, and how they change. */
import { type Decider, type Rejected, rejected, unreachable } from '../decider.js';
import { equalJson } from '../json.js';
import { clientUnknown, refuseIds, refuseName } from '../refusals.js';
import { parseOrigin } from '../url.js';

export interface ClientSettings {
  readonly name: string;
  /** IANA name: whole-day windows and request conditions use it. */
  readonly timeZone: string;
  /** Origins that may use credentials, as browsers send them: `https://shop.example`. */
  readonly origins: readonly string[];
  /** Share of answers that are recorded, in (0, 1]. */
  readonly sampleRate: number;
  /** Seconds between full audience builds. */
  readonly snapshotIntervalSeconds: number;
  /** An audience older than this answers STALE; null: never. */
  readonly snapshotMaxAgeSeconds: number | null;
}

export type ClientEvent =
  | ({ readonly type: 'ClientRegistered'; readonly clientId: string /** ISO 4217. */; readonly currency: string } & ClientSettings)
  /** What changed; what did not is absent. */
  | ({ readonly type: 'ClientRevised' } & Partial<ClientSettings>);

export type ClientCommand =
  /** What is absent has the value of `clientDefaults`. */
  | ({
      readonly type: 'RegisterClient';
      readonly clientId: string;
      readonly name: string;
      readonly currency?: string | undefined;
    } & GivenSettings)
  /** What is absent stays as it is. */
  | ({ readonly type: 'ReviseClient'; readonly clientId: string } & GivenSettings);

/** Given as undefined is absent; null is a value where it means something (`snapshotMaxAgeSeconds`: never). */
type GivenSettings = { readonly [Name in keyof ClientSettings]?: ClientSettings[Name] | undefined };

export type ClientState = { readonly status: 'none' } | { readonly status: 'registered'; readonly settings: ClientSettings };

export const clientDefaults = {
  timeZone: 'UTC',
  currency: 'USD',
  origins: [],
  sampleRate: 1,
  snapshotIntervalSeconds: 900,
  snapshotMaxAgeSeconds: null,
} as const;

/** Counts are scaled back by its inverse, which must stay a number that can be counted with. */
export const sampleRateMin = 0.000001;
export const originsMax = 100;
export const snapshotIntervalSecondsMax = 7 * 24 * 3600;
export const snapshotMaxAgeSecondsMax = 366 * 24 * 3600;

export function clientStream(clientId: string): string {
  return `client-${clientId}`;
}

export const client: Decider<ClientState, ClientCommand, ClientEvent> = {
  initial: { status: 'none' },

  decide(state, command) {
    const badId = refuseIds({ clientId: command.clientId });
    if (badId !== undefined) return badId;
    switch (command.type) {
      case 'RegisterClient': {
        const { clientId, name, currency = clientDefaults.currency } = command;
        if (state.status !== 'none') return rejected('CLIENT_EXISTS', `there is a client ${clientId} already`, ['clientId']);
        if (!/^[A-Z]{3}$/.test(currency))
          return rejected('CURRENCY_INVALID', 'a currency is three capital letters (ISO 4217)', ['currency']);
        const { currency: _, ...defaults } = clientDefaults;
        const settings = checked({ ...defaults, ...givenSettings(command), name });
        if ('rejected' in settings) return settings;
        return [{ type: 'ClientRegistered', clientId, currency, ...settings }];
      }
      case 'ReviseClient': {
        if (state.status === 'none') return clientUnknown(command.clientId);
        const settings = checked({ ...state.settings, ...givenSettings(command) });
        if ('rejected' in settings) return settings;
        const changed = changes(state.settings, settings);
        return Object.keys(changed).length === 0 ? [] : [{ type: 'ClientRevised', ...changed }];
      }
      default:
        return unreachable(command);
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'ClientRegistered': {
        const { type: _, clientId: __, currency: ___, ...settings } = event;
        return { status: 'registered', settings };
      }
      case 'ClientRevised': {
        if (state.status === 'none') return state;
        const { type: _, ...changed } = event;
        return { status: 'registered', settings: { ...state.settings, ...changed } };
      }
      default:
        return unreachable(event);
    }
  },
};

/** The settings with origins in the browsers' form, or why they cannot be. */
function checked(settings: ClientSettings): ClientSettings | Rejected {
  const { name, timeZone, sampleRate, snapshotIntervalSeconds: interval, snapshotMaxAgeSeconds: maxAge } = settings;
  const badName = refuseName(name);
  if (badName !== undefined) return badName;
  if (!isTimeZone(timeZone)) return rejected('TIME_ZONE_INVALID', 'a time zone is an IANA name, such as Europe/London', ['timeZone']);
  if (!(sampleRate >= sampleRateMin && sampleRate <= 1)) {
    return rejected('SAMPLE_RATE_INVALID', `above 0 (at least ${sampleRateMin}) and at most 1`, ['sampleRate']);
  }
  if (!isWhole(interval, snapshotIntervalSecondsMax)) {
    return rejected('INTERVAL_INVALID', `1 to ${snapshotIntervalSecondsMax} whole seconds`, ['snapshotIntervalSeconds']);
  }
  if (maxAge !== null && !isWhole(maxAge, snapshotMaxAgeSecondsMax)) {
    return rejected('INTERVAL_INVALID', `1 to ${snapshotMaxAgeSecondsMax} whole seconds, or null`, ['snapshotMaxAgeSeconds']);
  }
  if (settings.origins.length > originsMax) return rejected('LIMIT_REACHED', `a client has at most ${originsMax} origins`, ['origins']);
  const origins = new Set<string>();
  for (const [index, text] of settings.origins.entries()) {
    const origin = parseOrigin(text);
    if (origin === undefined) {
      return rejected('URL_INVALID', 'an origin is http(s)://host, with a port or without, and nothing else', ['origins', String(index)]);
    }
    origins.add(origin);
  }
  return { ...settings, origins: [...origins] };
}

/** The settings that a command gives; given as undefined is absent. */
function givenSettings(command: GivenSettings): Partial<ClientSettings> {
  return Object.fromEntries(settingNames.filter((name) => command[name] !== undefined).map((name) => [name, command[name]]));
}

function changes(before: ClientSettings, after: ClientSettings): Partial<ClientSettings> {
  const changed = settingNames.filter((name) => !equalJson(before[name], after[name]));
  return Object.fromEntries(changed.map((name) => [name, after[name]]));
}

const settingNames = ['name', 'timeZone', 'origins', 'sampleRate', 'snapshotIntervalSeconds', 'snapshotMaxAgeSeconds'] as const;

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}

/**
 * A name of the time zone database, spelled as there. Intl also takes other letter cases (`asia/kolkata`) and names of ICU's own
 * (`AET`, `SystemV/AST4`), which ClickHouse does not: the form refuses those.
 */
function isTimeZone(name: string): boolean {
  const pieces = name.split('/');
  if (pieces.length > 3 || pieces[0] === 'SystemV' || !pieces.every(isZonePiece)) return false;
  if (pieces.length === 1 && /^[A-Z]{3}$/.test(name) && !shortZones.has(name)) return false;
  try {
    const canonical = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
    return canonical === name || canonical.toLowerCase() !== name.toLowerCase();
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const shortZones = new Set(['UTC', 'GMT', 'UCT', 'EST', 'MST', 'HST', 'CET', 'EET', 'MET', 'WET', 'PRC', 'ROC', 'ROK']);

function isZonePiece(piece: string): boolean {
  return /^[A-Z][A-Za-z0-9_+-]*$/.test(piece) && !/^[A-Z_]{5,}$/.test(piece);
}
