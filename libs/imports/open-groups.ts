import type { BehaviourProperties, BehaviourType, JsonLike } from '#libs/domain';
import type { ReadRow } from './read-row.js';

export interface GroupLimits {
  /** Groups that wait for the end of the file. */
  readonly openGroupsMax: number;
  /** Characters of their rows, as JSON. */
  readonly openGroupCharactersMax: number;
}

export const groupLimits: GroupLimits = { openGroupsMax: 1_000_000, openGroupCharactersMax: 512 * 1024 * 1024 };

/** The rows of a `collectBy` need more memory than an import may have. Split the file, or import it without `collectBy`. */
export class TooManyOpenGroups extends Error {
  readonly code = 'TOO_MANY_OPEN_GROUPS';
}

/** Rows that are one event. */
export interface RowGroup {
  readonly type: BehaviourType;
  readonly messageId: string;
  readonly customerId: string;
  readonly sessionId: string | null;
  readonly time: number;
  readonly properties: BehaviourProperties;
  /** Line numbers of its rows, in the file's order. */
  readonly lines: readonly number[];
}

interface Group {
  readonly type: BehaviourType;
  readonly messageId: string;
  readonly customerId: string;
  sessionId: string | null;
  time: number;
  readonly single: { [name: string]: JsonLike };
  /** Per list property, the items of each row as JSON without brackets. */
  readonly lists: Map<string, string[]>;
  readonly lines: number[];
}

/**
 * The rows of `collectBy` rules, kept until the file's end, since a group's next row may stand anywhere. The first row that gives a value gives
 * the event's; lists (`products`) are appended; the earliest time counts.
 */
export class OpenGroups {
  private readonly groups = new Map<string, Group>();
  private characters = 0;

  constructor(private readonly limits: GroupLimits) {}

  /** @throws TooManyOpenGroups */
  add(key: string, row: ReadRow, line: number, messageId: () => string): void {
    let group = this.groups.get(key);
    if (group === undefined) {
      if (this.groups.size >= this.limits.openGroupsMax) {
        throw new TooManyOpenGroups(`collectBy keeps more than ${this.limits.openGroupsMax} groups open (openGroupsMax)`);
      }
      group = {
        type: row.rule.type,
        messageId: messageId(),
        customerId: own(row.customerId),
        sessionId: null,
        time: row.time,
        single: {},
        lists: new Map(),
        lines: [],
      };
      this.groups.set(own(key), group);
    }
    this.merge(group, row);
    group.lines.push(line);
    if (this.characters > this.limits.openGroupCharactersMax) {
      throw new TooManyOpenGroups(
        `collectBy keeps more than ${this.limits.openGroupCharactersMax} characters of rows in open groups (openGroupCharactersMax)`,
      );
    }
  }

  /** All groups in the order of their first rows; each is let go once given. */
  *close(): Generator<RowGroup> {
    for (const [key, group] of this.groups) {
      const properties: { [name: string]: JsonLike } = { ...group.single };
      for (const [name, items] of group.lists) properties[name] = JSON.parse(`[${items.join(',')}]`) as JsonLike;
      const { type, messageId, customerId, sessionId, time, lines } = group;
      yield { type, messageId, customerId, sessionId, time, properties: properties as BehaviourProperties, lines };
      this.groups.delete(key);
    }
    this.characters = 0;
  }

  private merge(group: Group, row: ReadRow): void {
    if (group.sessionId === null && row.sessionId !== null) group.sessionId = own(row.sessionId);
    if (row.time < group.time) group.time = row.time;
    for (const [name, value] of Object.entries(row.properties as { readonly [name: string]: JsonLike })) {
      if (!Array.isArray(value)) {
        if (!Object.hasOwn(group.single, name)) group.single[name] = own(value);
        continue;
      }
      if (value.length === 0) continue;
      const items = group.lists.get(name) ?? [];
      if (items.length === 0) group.lists.set(name, items);
      const json = JSON.stringify(value).slice(1, -1);
      this.characters += json.length;
      items.push(json);
    }
    this.characters += 100;
  }
}

/** A copy that does not keep the piece of the file alive that it was cut from. */
function own<T extends JsonLike>(value: T): T {
  return typeof value === 'object' || typeof value === 'string' ? (JSON.parse(JSON.stringify(value)) as T) : value;
}
