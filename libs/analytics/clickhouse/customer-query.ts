import { type FieldSql, fieldSql } from './customer-fields.js';
import type { Parameters } from './parameters.js';
import { allAttributes, type Branch, type Frame, type Partial, type Span } from './partials.js';

/** Which facts are read: conditions on the columns `client_id`, `customer_hash` and `customer_id` of a table with this alias. */
export type Choice = (alias: string) => readonly string[];

/** Rows of customer_states, in place of the facts where the two say the same. */
export interface StatesRead {
  /** The basis that all these rows have, and the moment that none of them is later than: SQL; where one is, the statement fails with `statesMoved`. */
  readonly basis: string;
  readonly asOf: string;
  /** Hashes whose customers are judged by the facts: a SELECT of one column; undefined: none. */
  readonly stale: string | undefined;
}

/** Where the customers are read. */
export interface CustomerSource {
  /** The key of a customer: with the client where there are several. */
  readonly keys?: readonly string[];
  /** The name of the table, or of that part of it that is read. */
  readonly part?: (table: string) => string;
  /** Absent: from the facts alone. */
  readonly states?: StatesRead;
}

/** Rows changed between the plan of a question and its statement. */
export const statesMoved = 'VITRINE_STATES_MOVED';

/**
 * Gathers any set of customer fields in one statement. It reads each table that is needed once; what it yields is one row per customer with the
 * keys, `known` (the number of events, 0 for one that is only listed or was only answered) and a column per field asked for.
 */
export class CustomerQuery {
  private readonly partials = new Map<string, { name: string; partial: Partial }>();
  private readonly values = new Map<string, { name: string; value: string }>();
  private readonly known: string;
  private readonly keys: readonly string[];
  private readonly part: (table: string) => string;
  private readonly states: StatesRead | undefined;

  constructor(
    private readonly frame: Frame,
    private readonly choice: Choice,
    private readonly parameters: Parameters,
    { keys = ['customer_hash', 'customer_id'], part = (table) => table, states }: CustomerSource = {},
  ) {
    this.keys = keys;
    this.part = part;
    this.states = states;
    this.known = this.merged(fieldSql('events.count', {}, frame, parameters).partial);
  }

  /** Asks for a field within a span; returns the name of its column and how it is compared. */
  field(field: string, span: Span = {}): { column: string; kind: FieldSql['kind'] } {
    const { partial, value, kind } = fieldSql(field, span, this.frame, this.parameters);
    return { column: this.gathered(partial, value), kind };
  }

  /** Of what the field is made. */
  partial(field: string): Partial {
    return fieldSql(field, {}, this.frame, this.parameters).partial;
  }

  /** Asks for a partial; returns the name of the column that has its value. */
  gathered(partial: Partial, as: (merged: string) => string = (merged) => merged): string {
    const value = as(this.merged(partial));
    const known = this.values.get(value) ?? { name: `f${this.values.size}`, value };
    this.values.set(value, known);
    return known.name;
  }

  /**
   * How much of what is asked for a customer's state tells: then the facts are read only of the stale ones, or of all customers only the pass over each event
   * that tells the rest. Where visits or orders would have to be put together anyway, the facts tell everything.
   */
  get statesTell(): 'all' | 'most' | 'nothing' {
    const rest = [...this.partials.values()].filter(isNotOfState);
    if (this.states === undefined || rest.some(({ partial }) => partial.branch === 'visits' || partial.branch === 'orders'))
      return 'nothing';
    return rest.length === 0 ? 'all' : 'most';
  }

  /** Asks for all attributes as a map of texts; returns the name of its column. */
  attributes(): string {
    const name = 'attributes';
    this.values.set(name, { name, value: this.merged(allAttributes()) });
    return name;
  }

  private merged(partial: Partial): string {
    const key = JSON.stringify([partial.branch, partial.ofVisit, partial.columns([])]);
    const known = this.partials.get(key) ?? { name: `m${this.partials.size}`, partial };
    this.partials.set(key, known);
    return known.name;
  }

  /** `listed`: an array of customer ids (SQL) that are there even when nothing is known of them. */
  sql(listed?: string): string {
    return this.valued(this.sources(listed).join('\nUNION ALL\n'));
  }

  /** The same in statements of which each has some of the customers: those told of by rows that lie in the order of the hash apart from the others. */
  statements(listed?: string): readonly string[] {
    return this.sources(listed).map((source) => this.valued(source));
  }

  private valued(source: string): string {
    const fields = [...this.values.values()].map(({ name, value }) => `${value} AS ${name}`);
    return `SELECT ${[this.keys.join(', '), `${this.known} AS known`, ...fields].join(',\n  ')}
FROM
(
${source}
)`;
  }

  private sources(listed: string | undefined): readonly string[] {
    const partials = [...this.partials.values()];
    if (this.states === undefined || this.statesTell === 'nothing') return [this.byFacts(partials, listed, this.choice)];
    const { stale } = this.states;
    const hashes = [...(stale === undefined ? [] : [stale]), ...(listed === undefined ? [] : [`SELECT xxHash64(arrayJoin(${listed}))`])];
    if (hashes.length === 0) return [this.byStates(partials, this.states)];
    const others = `(${hashes.join(' UNION ALL ')})`;
    const choice: Choice = (alias) => [...this.choice(alias), `${alias}.customer_hash IN ${others}`];
    return [this.byStates(partials, this.states, others), this.byFacts(partials, listed, choice)];
  }

  /** A row of customer_states tells all of its customer that it can, unless that one is among others who are gathered from the facts; the facts tell the rest. */
  private byStates(partials: readonly Named[], { basis, asOf }: StatesRead, others?: string): string {
    const isOther = others === undefined ? '0' : `c.customer_hash IN ${others}`;
    const told = partials.filter((named) => !isNotOfState(named));
    const rest = partials.filter(isNotOfState);
    const rows = `SELECT ${[...this.keysOf('c'), ...told.map(({ name, partial }) => `${partial.ofState} AS ${name}`)].join(',\n  ')}
FROM ${this.part('customer_states')} AS c FINAL
${filtered(this.choice('c'), [
  `NOT (${isOther})`,
  `throwIf(NOT (${isOther}) AND (c.basis != ${basis} OR c.last_time > ${asOf}), '${statesMoved}') = 0`,
])}`;
    if (rest.length === 0) return rows;
    const choice: Choice = (alias) => [...this.choice(alias), ...(others === undefined ? [] : [`${alias}.customer_hash NOT IN ${others}`])];
    // Every customer of a state has events, so that the facts have a row for each; of a partial's columns all are there.
    const known = told.filter(({ name }) => name === this.known);
    const columns = partials.map(({ name, partial }) => `${isNotOfState({ name, partial }) ? 'g' : 't'}.${name} AS ${name}`);
    return `SELECT ${[...this.keysOf('t'), ...columns].join(',\n  ')}
FROM
(
${rows}
) AS t
INNER JOIN
(
${this.byFacts([...known, ...rest], undefined, choice)}
) AS g ON ${this.keys.map((key) => `t.${key} = g.${key}`).join(' AND ')}`;
  }

  private byFacts(partials: readonly Named[], listed: string | undefined, choice: Choice): string {
    const branches: string[] = [this.events(partials, choice)];
    const isAsked = (branch: Branch): boolean => partials.some(({ partial }) => partial.branch === branch);
    if (isAsked('visits')) branches.push(this.visits(partials, choice));
    if (isAsked('orders')) branches.push(this.orders(partials, choice));
    if (isAsked('served')) branches.push(this.served(partials, choice));
    if (isAsked('attributes')) branches.push(this.latestAttributes(partials, choice));
    if (listed !== undefined) branches.push(this.onlyListed(partials, listed));
    const keys = this.keys.join(', ');
    const merges = partials.map(
      ({ name, partial }) => `${partial.merge(partial.columns(ofVisit(name, partial)).map((_, index) => `b.${name}_${index}`))} AS ${name}`,
    );
    const there = listed === undefined ? '' : ` OR max(b.listed) = 1`;
    return `SELECT ${[keys, ...merges].join(',\n  ')}
FROM
(
${branches.join('\nUNION ALL\n')}
) AS b
GROUP BY ${keys}
HAVING ${this.known} > 0${there}`;
  }

  private columns(partials: readonly Named[], branch: Branch | 'listed', keys: readonly string[]): string {
    const values = partials.flatMap(({ name, partial }) =>
      partial
        .columns(ofVisit(name, partial))
        .map(({ expression, neutral }, index) => `${partial.branch === branch ? expression : neutral} AS ${name}_${index}`),
    );
    return [...keys, ...values, `${branch === 'listed' ? 1 : 0} AS listed`].join(',\n  ');
  }

  private keysOf(alias: string): string[] {
    return this.keys.map((key) => `${alias}.${key} AS ${key}`);
  }

  private grouped(alias: string): string {
    return this.keys.map((key) => `${alias}.${key}`).join(', ');
  }

  private events(partials: readonly Named[], choice: Choice): string {
    return `SELECT ${this.columns(partials, 'events', this.keysOf('f'))}
FROM ${this.part('behaviour_facts')} AS f FINAL
${filtered(choice('f'), [`f.time <= ${this.frame.asOf}`])}
GROUP BY ${this.grouped('f')}`;
  }

  /** A session's events are one visit; those without a session are one a local day. */
  private visits(partials: readonly Named[], choice: Choice): string {
    const visitColumns = partials.flatMap(({ name, partial }) =>
      (partial.ofVisit ?? []).map((expression, index) => `${expression} AS ${visitColumn(name, index)}`),
    );
    return `SELECT ${this.columns(partials, 'visits', this.keysOf('v'))}
FROM
(
  SELECT ${[...this.keysOf('f'), ...visitColumns].join(',\n    ')}
  FROM ${this.part('behaviour_facts')} AS f FINAL
  ${filtered(choice('f'), [`f.time <= ${this.frame.asOf}`, "f.type NOT IN ('Order Refunded', 'Customer Updated')"])}
  GROUP BY ${this.grouped('f')}, f.session_id, if(f.session_id != '', toInt32(0), ${this.frame.localDay})
) AS v
GROUP BY ${this.grouped('v')}`;
  }

  /** Of the completions of one order id the first recorded counts, whenever it says it was: so times are looked at after that. */
  private orders(partials: readonly Named[], choice: Choice): string {
    return `SELECT ${this.columns(partials, 'orders', this.keysOf('o'))}
FROM
(
  SELECT ${[...this.keysOf('r'), 'r.type AS type'].join(', ')},
    argMin(r.time, r.log_position) AS time, argMin(r.amount, r.log_position) AS amount, argMin(r.coupon, r.log_position) AS coupon
  FROM ${this.part('order_facts')} AS r FINAL
  ${filtered(choice('r'), [])}
  GROUP BY ${this.grouped('r')}, r.type, r.order_id, if(r.order_id = '' OR r.type = 'Order Refunded', r.log_position, 0)
) AS o
WHERE o.time <= ${this.frame.asOf}
GROUP BY ${this.grouped('o')}`;
  }

  private served(partials: readonly Named[], choice: Choice): string {
    return `SELECT ${this.columns(partials, 'served', this.keysOf('s'))}
FROM ${this.part('served_facts')} AS s FINAL
${filtered(choice('s'), [`s.time <= ${this.frame.asOf}`])}
GROUP BY ${this.grouped('s')}`;
  }

  private latestAttributes(partials: readonly Named[], choice: Choice): string {
    return `SELECT ${this.columns(partials, 'attributes', this.keysOf('a'))}
FROM
(
  SELECT ${[...this.keysOf('f'), 'attribute.1 AS name', 'argMax(attribute.2, (f.time, f.log_position)) AS json'].join(', ')}
  FROM ${this.part('behaviour_facts')} AS f FINAL
  ARRAY JOIN arrayZip(mapKeys(f.attributes), mapValues(f.attributes)) AS attribute
  ${filtered(choice('f'), ["f.type = 'Customer Updated'", `f.time <= ${this.frame.asOf}`])}
  GROUP BY ${this.grouped('f')}, attribute.1
) AS a
GROUP BY ${this.grouped('a')}`;
  }

  private onlyListed(partials: readonly Named[], listed: string): string {
    return `SELECT ${this.columns(partials, 'listed', ['xxHash64(l.id) AS customer_hash', 'l.id AS customer_id'])}
FROM (SELECT arrayJoin(${listed}) AS id) AS l`;
  }
}

function visitColumn(name: string, index: number): string {
  return `${name}_visit${index}`;
}

function ofVisit(name: string, partial: Partial): readonly string[] {
  return (partial.ofVisit ?? []).map((_, index) => `v.${visitColumn(name, index)}`);
}

type Named = { readonly name: string; readonly partial: Partial };

function isNotOfState({ partial }: Named): boolean {
  return partial.ofState === undefined;
}

/** The choice is by key columns alone, so that it may go before FINAL puts rows of one key together: half the work for a few customers of many. */
function filtered(choice: readonly string[], conditions: readonly string[]): string {
  const before = choice.length === 0 ? '' : `PREWHERE ${choice.join(' AND ')} `;
  return conditions.length === 0 ? before : `${before}WHERE ${conditions.join(' AND ')}`;
}
