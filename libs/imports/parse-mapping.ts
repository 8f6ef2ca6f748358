import { IANAZone } from 'luxon';
import { RE2JS } from 're2js';
import { behaviourTypes, type JsonLike, parseBehaviourType } from '#libs/domain';
import {
  type ImportFormat,
  type ImportMapping,
  importFormats,
  type MappingRule,
  type PropertyMapping,
  type Value,
  type When,
} from './mapping.js';
import { compileTimeFormat } from './time-format.js';

export interface MappingError {
  /** Such as `rows.0.time.format`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

export const mappingRulesMax = 100;
export const mappingPropertiesMax = 1000;
export const mappingPatternLengthMax = 1000;
export const mappingConditionsDepthMax = 8;

const formatNames: Readonly<Record<string, ImportFormat>> = {
  csv: 'csv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  'json-lines': 'jsonl',
  jsonlines: 'jsonl',
};

/** A mapping from JSON (parsed already), or all that is wrong with it. */
export function parseMapping(json: unknown): { readonly mapping: ImportMapping } | { readonly errors: readonly MappingError[] } {
  const errors: MappingError[] = [];
  const mapping = new MappingParser(errors).mapping(json);
  return errors.length === 0 && mapping !== undefined ? { mapping } : { errors };
}

type Given = Readonly<Record<string, unknown>>;

/** Reads on after an error, so that one look shows all of them; what is returned counts only when there are none. */
class MappingParser {
  constructor(private readonly errors: MappingError[]) {}

  mapping(json: unknown): ImportMapping | undefined {
    const given = this.object(json, '', ['format', 'delimiter', 'quote', 'header', 'columns', 'encoding', 'timeZone', 'shift', 'rows']);
    if (given === undefined) return undefined;
    const format = this.format(given.format);
    const header = given.header ?? true;
    if (typeof header !== 'boolean') this.error('header', 'must be true or false');
    const columns = given.columns === undefined ? null : this.texts(given.columns, 'columns');
    if (columns !== null && header !== false) this.error('columns', 'are named by the header; set "header": false to name them here');
    if (columns !== null && new Set(columns).size !== columns.length) this.error('columns', 'must differ');
    const delimiter = given.delimiter ?? ',';
    if (typeof delimiter !== 'string' || delimiter === '' || /[\r\n]/.test(delimiter))
      this.error('delimiter', 'must be a text without line breaks');
    const quote = given.quote === undefined ? '"' : given.quote;
    if (quote !== null && (typeof quote !== 'string' || quote.length !== 1 || quote === delimiter || /[\r\n]/.test(quote))) {
      this.error('quote', 'must be one character that is not the delimiter, or null');
    }
    const timeZone = given.timeZone ?? 'UTC';
    if (typeof timeZone !== 'string' || !IANAZone.isValidZone(timeZone))
      this.error('timeZone', 'must be an IANA time zone such as Europe/London');
    const shift = given.shift ?? null;
    if (shift !== null && shift !== 'endsToday') this.error('shift', 'must be "endsToday"');
    if (given.encoding !== undefined && !isEncoding(given.encoding))
      this.error('encoding', 'must name a text encoding such as utf-8 or windows-1252');
    return {
      format,
      header: header === true,
      columns,
      delimiter: delimiter as string,
      quote: quote as string | null,
      encoding: (given.encoding as string | undefined) ?? 'utf-8',
      timeZone: timeZone as string,
      shift: shift as 'endsToday' | null,
      rows: this.list(given.rows, 'rows', mappingRulesMax).flatMap((rule, index) => this.rule(rule, `rows.${index}`) ?? []),
    };
  }

  private format(given: unknown): ImportFormat {
    const format = typeof given === 'string' && Object.hasOwn(formatNames, given) ? formatNames[given] : undefined;
    if (format === undefined)
      this.error('format', `must be one of ${importFormats.join(', ')} (each also gzipped); others cannot be read yet`);
    return format ?? 'csv';
  }

  private rule(json: unknown, path: string): MappingRule | undefined {
    const given = this.object(json, path, ['when', 'type', 'customerId', 'sessionId', 'time', 'collectBy', 'messageId', 'properties']);
    if (given === undefined) return undefined;
    const type = parseBehaviourType(given.type);
    if (type === undefined) this.error(`${path}.type`, `must be one of ${behaviourTypes.join(', ')}`);
    const when = given.when === undefined ? ({ kind: 'all', of: [] } as const) : this.when(given.when, `${path}.when`, 1);
    const customerId = this.value(given.customerId, `${path}.customerId`);
    const time = this.time(given.time, `${path}.time`);
    const sessionId = given.sessionId === undefined ? null : this.value(given.sessionId, `${path}.sessionId`);
    const collectBy = given.collectBy === undefined ? null : this.value(given.collectBy, `${path}.collectBy`);
    const messageId = given.messageId === undefined ? [] : this.list(given.messageId, `${path}.messageId`, mappingPropertiesMax);
    const parts = messageId.map((part, index) => this.value(part, `${path}.messageId.${index}`));
    const properties = this.properties(given.properties, `${path}.properties`);
    if (type === undefined || when === undefined || customerId === undefined || time === undefined) return undefined;
    return {
      when,
      type,
      customerId,
      sessionId: sessionId ?? null,
      time,
      collectBy: collectBy ?? null,
      messageId: parts.filter((part) => part !== undefined),
      properties,
    };
  }

  private when(json: unknown, path: string, depth: number): When | undefined {
    if (depth > mappingConditionsDepthMax) return this.error(path, `is nested more than ${mappingConditionsDepthMax} deep`);
    const given = this.object(json, path, ['all', 'column', 'equals', 'startsWith', 'matches', 'in']);
    if (given === undefined) return undefined;
    if (given.all !== undefined) {
      if (Object.keys(given).length > 1) return this.error(path, 'has other names beside "all"');
      const of = this.list(given.all, `${path}.all`, mappingPropertiesMax).map((each, index) =>
        this.when(each, `${path}.all.${index}`, depth + 1),
      );
      return { kind: 'all', of: of.filter((each) => each !== undefined) };
    }
    const column = this.text(given.column, `${path}.column`);
    const ops = ['equals', 'startsWith', 'matches', 'in'].filter((op) => given[op] !== undefined);
    if (ops.length !== 1) return this.error(path, 'needs exactly one of equals, startsWith, matches, in');
    if (column === undefined) return undefined;
    if (given.in !== undefined) {
      const texts = this.list(given.in, `${path}.in`, 100_000).map((each, index) => this.scalar(each, `${path}.in.${index}`));
      return { kind: 'in', column, texts: new Set(texts.filter((each) => each !== undefined)) };
    }
    if (given.matches !== undefined) {
      const pattern = this.pattern(given.matches, `${path}.matches`);
      return pattern === undefined ? undefined : { kind: 'matches', column, pattern };
    }
    const kind = given.equals !== undefined ? 'equals' : 'startsWith';
    const text = this.scalar(given[kind], `${path}.${kind}`);
    return text === undefined ? undefined : { kind, column, text };
  }

  private time(json: unknown, path: string): MappingRule['time'] | undefined {
    const given = this.object(json, path, ['column', 'match', 'map', 'default', 'const', 'format']);
    if (given === undefined) return undefined;
    const { format, ...rest } = given;
    const value = this.value(rest, path);
    const text = format === undefined ? 'iso' : this.text(format, `${path}.format`);
    if (text === undefined) return undefined;
    const compiled = compileTimeFormat(text, 'UTC');
    if ('error' in compiled) return this.error(`${path}.format`, compiled.error);
    return value === undefined ? undefined : { value, format: text };
  }

  private properties(json: unknown, path: string): readonly PropertyMapping[] {
    if (json === undefined) return [];
    return this.members(json, path).flatMap(([name, given]): PropertyMapping[] => {
      const at = `${path}.${name}`;
      if (!Array.isArray(given)) {
        const value = this.value(given, at);
        return value === undefined ? [] : [{ name, value }];
      }
      const templates = this.list(given, at, mappingPropertiesMax).map((template, index) =>
        this.members(template, `${at}.${index}`).flatMap(([member, of]) => {
          const value = this.value(of, `${at}.${index}.${member}`);
          return value === undefined ? [] : [{ name: member, value }];
        }),
      );
      return [{ name, value: templates }];
    });
  }

  private members(json: unknown, path: string): readonly [string, unknown][] {
    const given = this.object(json, path, null);
    const members = Object.entries(given ?? {});
    if (members.length > mappingPropertiesMax) this.error(path, `has more than ${mappingPropertiesMax} names`);
    for (const [name] of members) {
      if (name === '' || name === '__proto__' || name === 'email_sealed') this.error(`${path}.${name}`, 'is no name for a property');
    }
    return members;
  }

  private value(json: unknown, path: string): Value | undefined {
    if (typeof json === 'string' && json !== '') return { kind: 'column', column: json };
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      return this.error(path, 'must be the name of a column, {"const": …} or {"column": …, "match"?, "map"?, "default"?}');
    }
    const given = this.object(json, path, ['const', 'column', 'match', 'map', 'default']);
    if (given === undefined) return undefined;
    if (given.const !== undefined) {
      if (Object.keys(given).length > 1) return this.error(path, 'has other names beside "const"');
      return { kind: 'const', value: given.const as JsonLike };
    }
    const column = this.text(given.column, `${path}.column`);
    const match = given.match === undefined ? null : this.pattern(given.match, `${path}.match`);
    const map = given.map === undefined ? null : this.object(given.map, `${path}.map`, null);
    if (column === undefined || match === undefined || map === undefined) return undefined;
    return {
      kind: 'derived',
      column,
      match,
      map: map === null ? null : new Map(Object.entries(map as Readonly<Record<string, JsonLike>>)),
      defaultValue: given.default as JsonLike | undefined,
    };
  }

  private pattern(given: unknown, path: string): RE2JS | undefined {
    const text = this.text(given, path);
    if (text === undefined) return undefined;
    if (text.length > mappingPatternLengthMax) return this.error(path, `is longer than ${mappingPatternLengthMax} characters`);
    try {
      return RE2JS.compile(text);
    } catch (error) {
      return this.error(path, `is no regular expression in RE2 syntax: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private object(given: unknown, path: string, names: readonly string[] | null): Given | undefined {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return this.error(path, 'must be an object');
    for (const name of Object.keys(given)) {
      if (names !== null && !names.includes(name))
        this.error(path === '' ? name : `${path}.${name}`, `is unknown here; known are ${names.join(', ')}`);
    }
    return given as Given;
  }

  private list(given: unknown, path: string, max: number): readonly unknown[] {
    if (Array.isArray(given) && given.length > 0 && given.length <= max) return given;
    this.error(path, `must be a list of 1 to ${max}`);
    return [];
  }

  private texts(given: unknown, path: string): readonly string[] {
    return this.list(given, path, 10_000).flatMap((each, index) => this.text(each, `${path}.${index}`) ?? []);
  }

  private text(given: unknown, path: string): string | undefined {
    return typeof given === 'string' && given !== '' ? given : this.error(path, 'must be a text that is not empty');
  }

  private scalar(given: unknown, path: string): string | undefined {
    if (typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean') return String(given);
    return this.error(path, 'must be a text, a number or true or false');
  }

  private error(path: string, message: string): undefined {
    this.errors.push({ path, message });
    return undefined;
  }
}

function isEncoding(label: unknown): boolean {
  try {
    return typeof label === 'string' && new TextDecoder(label) !== undefined;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_ENCODING_NOT_SUPPORTED') return false;
    throw error;
  }
}
