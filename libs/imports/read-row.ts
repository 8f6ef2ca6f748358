import { createHash } from 'node:crypto';
import {
  type BehaviourProperties,
  type BehaviourType,
  type JsonLike,
  type PropertiesCode,
  parseOpaqueId,
  parseProperties,
  plainNumber,
} from '#libs/domain';
import type { ImportMapping, MappingRule, Value, When } from './mapping.js';
import type { Cells, ReadCell, RejectReason, TableReader, TableRow } from './table.js';
import { compileTimeFormat, type ReadTime } from './time-format.js';

/** A row that passed all checks. */
export interface ReadRow {
  readonly rule: CompiledRule;
  readonly customerId: string;
  readonly sessionId: string | null;
  /** Milliseconds since 1970, not shifted. */
  readonly time: number;
  readonly properties: BehaviourProperties;
  /** Undefined: this row is an event of its own. */
  readonly collectKey: string | undefined;
}

export type RowOutcome = ReadRow | 'skipped' | { readonly reason: RejectReason; readonly message: string };

export interface CompiledRule {
  readonly index: number;
  readonly type: BehaviourType;
  readonly takes: (cells: Cells) => boolean;
  readonly customerId: ReadCell;
  readonly sessionId: ReadCell | null;
  readonly time: ReadCell;
  readonly readTime: ReadTime;
  readonly collectBy: ReadCell | null;
  /** Empty: the row's text. */
  readonly messageId: readonly ReadCell[];
  readonly readProperties: (cells: Cells) => { [name: string]: JsonLike };
}

/** Against the columns of one file. @throws MissingColumns */
export function compileRules(mapping: ImportMapping, table: TableReader): readonly CompiledRule[] {
  const compiler = new RuleCompiler(mapping, table);
  const rules = mapping.rows.map((rule, index) => compiler.rule(rule, index));
  if (compiler.missing.size > 0) throw new MissingColumns([...compiler.missing].join('; '));
  return rules;
}

/** The mapping names columns that the file does not have: often the wrong delimiter, or the wrong file. */
export class MissingColumns extends Error {
  readonly code = 'MISSING_COLUMNS';
}

/**
 * The first rule whose `when` holds reads the row: customer, ids, time, numbers, currency, in this order; the first that fails is the reason.
 */
export function readRow(rules: readonly CompiledRule[], row: TableRow, currency: string): RowOutcome {
  const { cells } = row;
  const rule = rules.find((each) => each.takes(cells));
  if (rule === undefined) return 'skipped';
  const customer = textOf(rule.customerId(cells));
  if (customer === undefined) return { reason: 'customer', message: 'no customer' };
  const customerId = parseOpaqueId(customer);
  if (customerId === undefined) return badId('customer');
  const session = rule.sessionId === null ? undefined : textOf(rule.sessionId(cells));
  const sessionId = session === undefined ? null : parseOpaqueId(session);
  if (sessionId === undefined) return badId('session');
  const given = rule.readProperties(cells);
  if (rule.type !== 'Customer Updated' && given.order_id !== undefined && parseOpaqueId(given.order_id) === undefined)
    return badId('order');
  const timeText = textOf(rule.time(cells));
  const time = timeText === undefined ? undefined : rule.readTime(timeText);
  if (time === undefined)
    return { reason: 'time', message: timeText === undefined ? 'no time' : 'the time does not have the format of the mapping' };
  const parsed = parseProperties(rule.type, given, currency);
  if ('code' in parsed) return { reason: reasonOf(parsed.code), message: parsed.message };
  const collect = rule.collectBy === null ? undefined : textOf(rule.collectBy(cells));
  return {
    rule,
    customerId,
    sessionId,
    time,
    properties: parsed.properties,
    // Ids hold no control characters, so the parts cannot run into each other.
    collectKey: collect === undefined ? undefined : `${rule.index}\n${customerId}\n${collect}`,
  };
}

const reasons: Readonly<Record<PropertiesCode, RejectReason>> = {
  NUMBER_INVALID: 'number',
  CURRENCY: 'currency',
  PROPERTIES_TOO_LARGE: 'size',
  PROPERTIES_INVALID: 'properties',
  PROPERTY_INVALID: 'properties',
  EMAIL_INVALID: 'properties',
};

/** The refusals of `parseProperties` in the words of an import. */
export function reasonOf(code: PropertiesCode): RejectReason {
  return reasons[code];
}

/** These are texts in an event, whatever a JSON line says. */
const textNames: ReadonlySet<string> = new Set(['product_id', 'order_id', 'currency', 'coupon', 'url', 'referrer', 'query', 'email']);

/**
 * A message's id: SHA-256, in hex, of its type and what tells it apart. `occurrence` counts rows of the same text, from 0, where the mapping
 * names no columns for it.
 */
export function messageIdOf(rule: CompiledRule, row: TableRow, occurrenceOf: (text: string) => number): string {
  const parts =
    rule.messageId.length > 0
      ? rule.messageId.map((part) => textOf(part(row.cells)) ?? null)
      : [row.text, occurrenceOf(digest(JSON.stringify([rule.type, row.text])))];
  return digest(JSON.stringify([rule.type, ...parts]));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function badId(of: string): { reason: RejectReason; message: string } {
  return { reason: 'id', message: `the ${of} id is not 1 to 64 bytes of UTF-8 without control characters` };
}

class RuleCompiler {
  readonly missing = new Set<string>();

  constructor(
    private readonly mapping: ImportMapping,
    private readonly table: TableReader,
  ) {}

  rule(rule: MappingRule, index: number): CompiledRule {
    const readTime = compileTimeFormat(rule.time.format, this.mapping.timeZone);
    if ('error' in readTime) throw new Error(`unparsed time format: ${readTime.error}`);
    return {
      index,
      type: rule.type,
      takes: this.when(rule.when),
      customerId: this.value(rule.customerId),
      sessionId: rule.sessionId === null ? null : this.value(rule.sessionId),
      time: this.value(rule.time.value),
      readTime,
      collectBy: rule.collectBy === null ? null : this.value(rule.collectBy),
      messageId: rule.messageId.map((part) => this.value(part)),
      readProperties: this.properties(rule),
    };
  }

  private properties(rule: MappingRule): CompiledRule['readProperties'] {
    const reader = (name: string, value: Value): ReadCell => {
      const read = this.value(value);
      const asText = rule.type === 'Customer Updated' ? name === 'email' : textNames.has(name);
      return asText ? (cells) => textOf(read(cells)) : read;
    };
    const single: { name: string; read: ReadCell }[] = [];
    const lists: { name: string; templates: { name: string; read: ReadCell; fixed: boolean }[][] }[] = [];
    for (const { name, value } of rule.properties) {
      if ('kind' in value) single.push({ name, read: reader(name, value) });
      else {
        const templates = value.map((members) =>
          members.map((member) => ({ name: member.name, read: reader(member.name, member.value), fixed: member.value.kind === 'const' })),
        );
        lists.push({ name, templates });
      }
    }
    return (cells) => {
      const properties: { [name: string]: JsonLike } = {};
      for (const { name, read } of single) {
        const value = read(cells);
        if (value !== undefined) properties[name] = value;
      }
      for (const { name, templates } of lists) {
        const items: JsonLike[] = [];
        for (const members of templates) {
          const item: { [name: string]: JsonLike } = {};
          let found = false;
          for (const member of members) {
            const value = member.read(cells);
            if (value === undefined) continue;
            item[member.name] = value;
            found ||= !member.fixed;
          }
          // A line of which the row says nothing is no line.
          if (found) items.push(item);
        }
        properties[name] = items;
      }
      return properties;
    };
  }

  private when(when: When): (cells: Cells) => boolean {
    if (when.kind === 'all') {
      const all = when.of.map((each) => this.when(each));
      return (cells) => all.every((holds) => holds(cells));
    }
    const read = this.column(when.column);
    const text = (cells: Cells) => textOf(read(cells)) ?? '';
    switch (when.kind) {
      case 'equals':
        return (cells) => text(cells) === when.text;
      case 'startsWith':
        return (cells) => text(cells).startsWith(when.text);
      case 'in':
        return (cells) => when.texts.has(text(cells));
      case 'matches':
        return (cells) => when.pattern.matcher(text(cells)).find();
    }
  }

  private value(value: Value): ReadCell {
    if (value.kind === 'const') return () => (value.value === '' || value.value === null ? undefined : value.value);
    const read = this.column(value.column);
    if (value.kind === 'column') return read;
    const { match, map, defaultValue } = value;
    return (cells) => {
      let cell = read(cells);
      if (match !== null && cell !== undefined) {
        const matcher = match.matcher(textOf(cell) ?? '');
        cell = matcher.find() ? (matcher.group(matcher.groupCount() > 0 ? 1 : 0) ?? undefined) : undefined;
      }
      if (map !== null && cell !== undefined) cell = map.get(textOf(cell) ?? '');
      return cell === undefined || cell === '' || cell === null ? defaultValue : cell;
    };
  }

  private column(name: string): ReadCell {
    const read = this.table.column(name);
    if (typeof read === 'function') return read;
    this.missing.add(read.error);
    return () => undefined;
  }
}

/** What a cell says as text; undefined when it is absent. */
function textOf(value: JsonLike | undefined): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? plainNumber(value) : typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}
