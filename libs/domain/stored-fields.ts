import { type StoredShape, UnreadableEvent } from './codec.js';
import type { Criteria } from './criteria/criteria.js';
import { parseCriteria } from './criteria/parse.js';

/** Reads the stored data of one event, field by field. Every method throws UnreadableEvent, naming the field, when it has another shape. */
export class StoredFields {
  private constructor(
    private readonly type: string,
    private readonly data: Readonly<Record<string, unknown>>,
    private readonly place = '',
  ) {}

  /** @throws UnreadableEvent for a version that is newer than `newest`. */
  static of(stored: StoredShape, newest = 1): StoredFields {
    if (!Number.isInteger(stored.schema) || stored.schema < 1 || stored.schema > newest) {
      throw new UnreadableEvent(`${stored.type} of schema ${stored.schema}: this version reads 1 to ${newest}`);
    }
    return new StoredFields(stored.type, stored.data);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  string(name: string): string {
    const value = this.get(name);
    return typeof value === 'string' ? value : this.fail(name, 'text');
  }

  number(name: string): number {
    const value = this.get(name);
    return typeof value === 'number' && Number.isFinite(value) ? value : this.fail(name, 'number');
  }

  boolean(name: string): boolean {
    const value = this.get(name);
    return typeof value === 'boolean' ? value : this.fail(name, 'boolean');
  }

  stringOrNull(name: string): string | null {
    return this.get(name) === null ? null : this.string(name);
  }

  numberOrNull(name: string): number | null {
    return this.get(name) === null ? null : this.number(name);
  }

  strings(name: string): readonly string[] {
    return this.array(name).map((value) => (typeof value === 'string' ? value : this.fail(name, 'list of texts')));
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    return values.find((value) => value === this.get(name)) ?? this.fail(name, values.join(' or '));
  }

  list<T>(name: string, read: (fields: StoredFields) => T): readonly T[] {
    return this.array(name).map((value, index) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) this.fail(name, 'list of objects');
      return read(new StoredFields(this.type, value as Readonly<Record<string, unknown>>, `${this.place}.${name}.${index}`));
    });
  }

  listOrNull<T>(name: string, read: (fields: StoredFields) => T): readonly T[] | null {
    return this.get(name) === null ? null : this.list(name, read);
  }

  criteria(name: string, kind: 'customer' | 'request'): Criteria {
    const outcome = parseCriteria(this.get(name), kind);
    if ('criteria' in outcome) return outcome.criteria;
    return this.fail([name, ...outcome.invalid.path].join('.'), `criteria: ${outcome.invalid.message}`);
  }

  criteriaOrNull(name: string, kind: 'customer' | 'request'): Criteria | null {
    return this.get(name) === null ? null : this.criteria(name, kind);
  }

  private array(name: string): readonly unknown[] {
    const value = this.get(name);
    return Array.isArray(value) ? value : this.fail(name, 'list');
  }

  private get(name: string): unknown {
    return Object.hasOwn(this.data, name) ? this.data[name] : undefined;
  }

  private fail(name: string, expected: string): never {
    throw new UnreadableEvent(`${this.type}${this.place}.${name} is no ${expected}`);
  }
}
