import { type Criteria, customerFields, customersListed, moneyText, segmentsReferredTo } from '#libs/domain';
import type { ClientScope, CustomerFields, Preview, SegmentCriteria, Summary, SummaryRow } from '../analytics.js';
import type { ClickHouseConnection, Shard } from './client.js';
import { askPlanned, planStates, type StatePlan } from './customer-states.js';
import { type Judgement, judge, judgingSettings } from './judgement.js';
import { attributeTexts } from './state-row.js';

interface Judged {
  readonly scope: ClientScope;
  readonly segments: SegmentCriteria;
  readonly asOf: Date;
}

const previewSample = 10;

/** Asks each shard at once. */
async function ofEach<Answer>(connection: ClickHouseConnection, ask: (shard: Shard) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all((await connection.shards()).map(ask));
}

/** The same of all customers of a client, whose states may be read in place of their facts. */
async function ofEachPlanned<Answer>(
  connection: ClickHouseConnection,
  { scope, asOf }: Pick<Judged, 'scope' | 'asOf'>,
  ask: (shard: Shard, plan: StatePlan | undefined) => Promise<Answer>,
): Promise<Answer[]> {
  const plan = await planStates(connection, scope, asOf);
  return ofEach(connection, async (shard) => askPlanned(await plan(shard), (its) => ask(shard, its)));
}

/** A statement that is one aggregate. */
async function oneRow<Row>(shard: Shard, sql: string, { parameters }: Judgement): Promise<Row> {
  const [row] = await shard.connection.query<Row>(sql, parameters.all, judgingSettings);
  if (row === undefined) throw new Error('an aggregate without a row');
  return row;
}

/** The first so many ids, by their bytes. */
function firstIds(ids: readonly string[], max: number): string[] {
  return [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).slice(0, max);
}

export async function preview(connection: ClickHouseConnection, query: Judged & { readonly criteria: Criteria }): Promise<Preview> {
  const rows = await ofEachPlanned(connection, query, (shard, plan) => {
    const judgement = judge(shard, query.scope, query.asOf, {}, plan);
    const { source, member } = chosen(judgement, query.criteria, query.segments);
    return oneRow<{ size: string; knownMembers: string; knownCustomers: string; sample: string[] }>(
      shard,
      `SELECT countIf(member) AS size, countIf(member AND known > 0) AS knownMembers, countIf(known > 0) AS knownCustomers,
  groupArraySortedIf(${previewSample})(customer_id, member) AS sample
FROM
(
SELECT customer_id, known, ${member} AS member
FROM
(
${source}
)
)`,
      judgement,
    );
  });
  const sum = (name: 'size' | 'knownMembers' | 'knownCustomers'): number => rows.reduce((total, row) => total + Number(row[name]), 0);
  return {
    size: sum('size'),
    knownMembers: sum('knownMembers'),
    knownCustomers: sum('knownCustomers'),
    sample: firstIds(
      rows.flatMap((row) => row.sample),
      previewSample,
    ),
  };
}

export async function customers(
  connection: ClickHouseConnection,
  query: Judged & { readonly filter: Criteria | null; readonly after: string | null; readonly first: number },
): Promise<{ customers: readonly CustomerFields[]; hasNext: boolean; total: number }> {
  const most = Math.trunc(query.first) + 1;
  const rows = await ofEachPlanned(connection, query, (shard, plan) => {
    const judgement = judge(shard, query.scope, query.asOf, {}, plan);
    const { source, member } = chosen(judgement, query.filter ?? { all: [] }, query.segments);
    const after = query.after === null ? '1' : `customer_id > ${judgement.parameters.text(query.after)}`;
    return oneRow<{ total: string; ids: string[] }>(
      shard,
      `SELECT count() AS total, groupArraySortedIf(${most})(customer_id, ${after}) AS ids
FROM
(
${source}
)
WHERE ${member}`,
      judgement,
    );
  });
  const ids = firstIds(
    rows.flatMap((row) => row.ids),
    most,
  );
  return {
    customers: await fieldsOf(connection, query, ids.slice(0, query.first)),
    hasNext: ids.length > query.first,
    total: rows.reduce((total, row) => total + Number(row.total), 0),
  };
}

/** The customers who can be members (known ones, and those on the criteria's lists), and the condition that says who is. */
function chosen({ query, conditions, listed }: Judgement, criteria: Criteria, segments: SegmentCriteria) {
  conditions.segments(segmentsReferredTo(criteria), segments);
  const member = conditions.of(criteria);
  return { source: conditions.sql(query.sql(listed([...customersListed(criteria, segments)]))), member };
}

type Value = string | number | boolean | null;

/** All fields of these customers, in the order given. */
async function fieldsOf(connection: ClickHouseConnection, judged: Judged, ids: readonly string[]): Promise<CustomerFields[]> {
  if (ids.length === 0) return [];
  const known = await ofEachPlanned(connection, judged, (shard, plan) => fieldsAt(shard, judged, ids, { plan }));
  const found = new Map(known.flatMap((ofShard) => [...ofShard]));
  // Who is on a list alone has fields too: those of nobody.
  const rest = ids.filter((id) => !found.has(id));
  if (rest.length > 0) {
    for (const ofShard of await ofEach(connection, (shard) => fieldsAt(shard, judged, rest, { isListed: true })))
      for (const [id, fields] of ofShard) found.set(id, fields);
  }
  return ids.map((customerId) => ({ customerId, fields: found.get(customerId) ?? {} }));
}

/** Of those who lie on the shard; `isListed`: also of whom nothing is known. */
async function fieldsAt(
  shard: Shard,
  { scope, asOf }: Judged,
  ids: readonly string[],
  { plan, isListed = false }: { readonly plan?: StatePlan | undefined; readonly isListed?: boolean },
): Promise<Map<string, CustomerFields['fields']>> {
  const { parameters, query, listed } = judge(shard, scope, asOf, { only: ids }, plan);
  const columns = Object.keys(customerFields).map((field) => ({ field, ...query.field(field) }));
  const attributes = query.gathered(attributeTexts);
  const shown = columns.map(({ column, kind }) => (kind === 'money' ? `toString(${column}) AS ${column}_` : `${column} AS ${column}_`));
  const rows = await shard.connection.query<Record<string, Value> & { customer_id: string; attributes: Record<string, string> }>(
    `SELECT customer_id, ${shown.join(', ')}, ${attributes} AS attributes\nFROM\n(\n${query.sql(isListed ? listed(ids) : undefined)}\n)`,
    parameters.all,
    judgingSettings,
  );
  return new Map(
    rows.map((row) => {
      const fields: Record<string, Value> = {};
      for (const { field, column, kind } of columns) fields[field] = shownValue(row[`${column}_`] ?? null, kind);
      for (const [name, json] of Object.entries(row.attributes)) fields[`attributes.${name}`] = attributeValue(json);
      return [row.customer_id, fields];
    }),
  );
}

function shownValue(value: Value, kind: string): Value {
  if (kind === 'count') return Number(value);
  if (kind === 'boolean') return value === 1 || value === true;
  if (kind === 'money') return withFourDigits(String(value));
  return value;
}

/** ClickHouse leaves out the zeros at the end of a decimal. */
function withFourDigits(decimal: string): string {
  const [integer, fraction = ''] = decimal.split('.');
  return `${integer}.${fraction.padEnd(4, '0')}`;
}

/** What is no plain value is shown as its JSON. */
function attributeValue(json: string): Value {
  const value: unknown = JSON.parse(json);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null ? value : json;
}

type SummaryColumns = Readonly<
  Record<'customers' | 'purchasers' | 'orders' | 'newCustomers' | 'visits' | 'productViews' | 'cartAdds', string>
> & {
  readonly revenue: string;
  readonly source: string;
};

interface SummaryQuery {
  readonly scope: ClientScope;
  readonly segments: SegmentCriteria;
  readonly filter: Criteria | null;
  readonly period: { readonly from: Date; readonly to: Date } | null;
  readonly now: Date;
}

/** One pass: what the chosen customers did within the period, by the source of their arrival; the whole is the sum of the sources. */
export async function customerSummary(connection: ClickHouseConnection, query: SummaryQuery): Promise<Summary> {
  const of = { scope: query.scope, asOf: query.now };
  return summaryOf((await ofEachPlanned(connection, of, (shard, plan) => summaryAt(shard, query, plan))).flat());
}

function summaryAt(shard: Shard, query: SummaryQuery, plan: StatePlan | undefined): Promise<SummaryColumns[]> {
  const judgement = judge(shard, query.scope, query.now, {}, plan);
  const { parameters } = judgement;
  const within =
    query.period === null ? {} : { from: parameters.time(query.period.from.getTime()), to: parameters.time(query.period.to.getTime()) };
  const column = (field: string, span = within): string => judgement.query.field(field, span).column;
  const first = column('events.first', {});
  const isNew = query.period === null ? `isNotNull(${first})` : `ifNull(${first} >= ${within.from} AND ${first} < ${within.to}, 0)`;
  const events = column('events.count');
  const orders = column('orders.count');
  const selected = [
    `${column('arrival.source', {})} AS source`,
    'count() AS customers',
    `countIf(${isNew}) AS newCustomers`,
    `countIf(${orders} > 0) AS purchasers`,
    `sum(${column('visits.count')}) AS visits`,
    `sum(${column('views.count')}) AS productViews`,
    `sum(${column('cart.adds')}) AS cartAdds`,
    `sum(${orders}) AS orders`,
    `toString(sum(${column('orders.total')})) AS revenue`,
  ];
  const { source, member } = chosen(judgement, query.filter ?? { all: [] }, query.segments);
  return shard.connection.query<SummaryColumns>(
    `SELECT ${selected.join(',\n  ')}
FROM
(
${source}
)
WHERE ${member} AND ${events} > 0
GROUP BY source`,
    parameters.all,
    judgingSettings,
  );
}

function summaryOf(rows: readonly SummaryColumns[]): Summary {
  const sum = (name: keyof Omit<SummaryColumns, 'revenue' | 'source'>): number => rows.reduce((total, row) => total + Number(row[name]), 0);
  return {
    customers: sum('customers'),
    newCustomers: sum('newCustomers'),
    purchasers: sum('purchasers'),
    visits: sum('visits'),
    productViews: sum('productViews'),
    cartAdds: sum('cartAdds'),
    orders: sum('orders'),
    revenue: moneySum(rows.map((row) => row.revenue)),
    bySource: bySource(rows),
  };
}

/** Those with the most customers first, of equally many by the bytes of the source. */
function bySource(rows: readonly SummaryColumns[]): (SummaryRow & { source: string })[] {
  return [...new Set(rows.map((row) => row.source))]
    .map((source) => {
      const its = rows.filter((row) => row.source === source);
      const sum = (name: 'customers' | 'purchasers' | 'orders'): number => its.reduce((total, row) => total + Number(row[name]), 0);
      const revenue = moneySum(its.map((row) => row.revenue));
      return { source, customers: sum('customers'), purchasers: sum('purchasers'), orders: sum('orders'), revenue };
    })
    .sort((a, b) => b.customers - a.customers || Buffer.compare(Buffer.from(a.source), Buffer.from(b.source)));
}

function moneySum(decimals: readonly string[]): string {
  return moneyText(decimals.reduce((units, decimal) => units + BigInt(withFourDigits(decimal).replace('.', '')), 0n));
}
