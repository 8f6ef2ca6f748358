/** Refusals that several concepts share; each answers undefined when there is nothing to refuse. */
import { type Rejected, rejected } from './decider.js';
import { parseClientId, parseDefinitionId } from './ids.js';

/** The longest name of a definition, in characters. */
export const nameLengthMax = 200;

// Control characters, and lone surrogates, which are no UTF-8.
const unprintable = /[\p{Cc}\p{Cs}]/u;

/** The id of the thing that a command is about. Before a stream is named after an id, the id must have passed here. */
export interface CommandIds {
  readonly clientId: string;
  readonly contentId?: string;
  readonly segmentId?: string;
  readonly campaignId?: string;
}

/** ID_INVALID for the first of a command's ids that has another form. */
export function refuseIds(ids: CommandIds): Rejected | undefined {
  if (parseClientId(ids.clientId) === undefined) return idInvalid(['clientId']);
  for (const name of ['contentId', 'segmentId', 'campaignId'] as const) {
    const id = ids[name];
    if (id !== undefined && parseDefinitionId(id) === undefined) return idInvalid([name]);
  }
  return undefined;
}

export function idInvalid(field: readonly string[]): Rejected {
  const form = field.at(-1) === 'clientId' ? 'letters, digits, "-" and "_"' : 'letters, digits, "-", "_" and "."';
  return rejected('ID_INVALID', `an id is 1 to 64 ${form}, the first a letter or digit`, field);
}

/** NAME_INVALID for an empty, over-long or unprintable name. */
export function refuseName(name: string): Rejected | undefined {
  if (name.trim() !== '' && name.length <= nameLengthMax && !unprintable.test(name)) return undefined;
  return rejected('NAME_INVALID', `a name has 1 to ${nameLengthMax} characters, none of them a control character`, ['name']);
}

export function clientUnknown(clientId: string): Rejected {
  return rejected('CLIENT_UNKNOWN', `there is no client ${clientId}`, ['clientId']);
}

/** LIMIT_REACHED when a client has as many of a kind as it may. */
export function refuseMore(kind: string, count: number, max: number): Rejected | undefined {
  return count < max ? undefined : rejected('LIMIT_REACHED', `a client has at most ${max} ${kind}`);
}
