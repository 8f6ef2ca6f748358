import type { RE2JS } from 're2js';
import type { BehaviourType, JsonLike } from '#libs/domain';

/** Formats that can be read. */
export const importFormats = ['csv', 'jsonl'] as const;
export type ImportFormat = (typeof importFormats)[number];

/** A parsed mapping: which column of a file is what. The JSON it comes from is described in docs/import.md. */
export interface ImportMapping {
  readonly format: ImportFormat;
  /** One or more characters. */
  readonly delimiter: string;
  /** One character; null: no cell is quoted. */
  readonly quote: string | null;
  /** Whether the first line names the columns. */
  readonly header: boolean;
  /** Names when there is no header; null: `1`, `2`, …, as many as the first row has. */
  readonly columns: readonly string[] | null;
  /** A label of the WHATWG Encoding Standard. */
  readonly encoding: string;
  /** IANA name: where times without an offset are read. */
  readonly timeZone: string;
  readonly shift: 'endsToday' | null;
  readonly rows: readonly MappingRule[];
}

export interface MappingRule {
  readonly when: When;
  readonly type: BehaviourType;
  readonly customerId: Value;
  readonly sessionId: Value | null;
  readonly time: { readonly value: Value; readonly format: string };
  readonly collectBy: Value | null;
  /** Empty: the row's text and its occurrence in the file. */
  readonly messageId: readonly Value[];
  readonly properties: readonly PropertyMapping[];
}

export interface PropertyMapping {
  readonly name: string;
  /** A list of templates makes a list of objects, such as `products`. */
  readonly value: Value | readonly (readonly { readonly name: string; readonly value: Value }[])[];
}

export type When =
  | { readonly kind: 'all'; readonly of: readonly When[] }
  | { readonly kind: 'equals' | 'startsWith'; readonly column: string; readonly text: string }
  | { readonly kind: 'in'; readonly column: string; readonly texts: ReadonlySet<string> }
  | { readonly kind: 'matches'; readonly column: string; readonly pattern: RE2JS };

export type Value =
  | { readonly kind: 'column'; readonly column: string }
  | { readonly kind: 'const'; readonly value: JsonLike }
  | {
      readonly kind: 'derived';
      readonly column: string;
      readonly match: RE2JS | null;
      readonly map: ReadonlyMap<string, JsonLike> | null;
      readonly defaultValue: JsonLike | undefined;
    };

/** The columns that a mapping reads, in the order in which it names them. */
export function columnsOf(mapping: ImportMapping): readonly string[] {
  const columns = new Set<string>();
  const addValue = (value: Value | null) => {
    if (value !== null && value.kind !== 'const') columns.add(value.column);
  };
  const addWhen = (when: When) => {
    if (when.kind === 'all') when.of.forEach(addWhen);
    else columns.add(when.column);
  };
  for (const rule of mapping.rows) {
    addWhen(rule.when);
    for (const value of [rule.customerId, rule.sessionId, rule.time.value, rule.collectBy, ...rule.messageId]) addValue(value);
    for (const { value } of rule.properties) {
      if ('kind' in value) addValue(value);
      else for (const template of value) for (const member of template) addValue(member.value);
    }
  }
  return [...columns];
}
