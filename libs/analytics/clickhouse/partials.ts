/**
 * What is gathered of each customer, in one pass over each table that is needed. A branch yields one row per customer; every partial stands in its
 * own branch and carries its neutral values in the others, so that all branches are one UNION ALL and one GROUP BY.
 */
export type Branch = 'events' | 'visits' | 'orders' | 'served' | 'attributes';

export interface Partial {
  readonly branch: Branch;
  /** Of the branch `visits`: aggregates over the events of one visit. */
  readonly ofVisit?: readonly string[];
  /** Columns of the branch's row of a customer: an aggregate (over the visits, whose columns have the names given), and its value where there are none. */
  columns(ofVisit: readonly string[]): readonly { readonly expression: string; readonly neutral: string }[];
  /** One value of the columns, of which all rows but one are neutral. */
  merge(columns: readonly string[]): string;
  /** The same value from a row `c` of customer_states that holds all there is up to the build; absent: the row cannot tell. */
  readonly ofState?: string;
}

/** Half open: `from ≤ time < to`; SQL expressions, absent: no bound. */
export interface Span {
  readonly from?: string;
  readonly to?: string;
}

/** Everything that differs between a query of one client as of a time, and the view of all clients as of now. */
export interface Frame {
  /** When the customers are judged: a DateTime64(3) in UTC. */
  readonly asOf: string;
  /** Number of the local day of the time `f.time`, in the zone of the client. */
  readonly localDay: string;
  /** Whether `f.referrer_host` is a host of the client's origins. */
  readonly isOwnReferrer: string;
}

export const zero = 'toUInt64(0)';
const noTime = "CAST(NULL, 'Nullable(Int64)')";
/** Milliseconds since 1970 of no time: before all others. */
export const noMillis = 'toInt64(-9223372036854775807)';
const isVisit = "f.type NOT IN ('Order Refunded', 'Customer Updated')";
export const completed = "o.type = 'Order Completed'";

/** `time` is the column's name. */
function inSpan(time: string, span: Span): string[] {
  return [...(span.from === undefined ? [] : [`${time} >= ${span.from}`]), ...(span.to === undefined ? [] : [`${time} < ${span.to}`])];
}

function both(...conditions: readonly string[]): string {
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}

function count(branch: Branch, condition: string): Partial {
  return { branch, columns: () => [{ expression: `countIf(${condition})`, neutral: zero }], merge: ([n]) => `sum(${n})` };
}

function isWhole(span: Span): boolean {
  return span.from === undefined && span.to === undefined;
}

/** Of a span without an end: its beginning in milliseconds since 1970, before all times when it has none. */
function begin(span: Span): string {
  return span.from === undefined ? noMillis : millisOf(span.from);
}

function millisOf(time: string): string {
  return `toUnixTimestamp64Milli(${time})`;
}

/** `at` is a number of milliseconds since 1970. */
function inMillis(at: string, span: Span): string[] {
  return [
    ...(span.from === undefined ? [] : [`${at} >= ${millisOf(span.from)}`]),
    ...(span.to === undefined ? [] : [`${at} < ${millisOf(span.to)}`]),
  ];
}

/** What only the whole of a customer's time can be told of. */
function whole(span: Span, expression: string): { ofState?: string } {
  return isWhole(span) ? { ofState: expression } : {};
}

/** The latest of times, when the span has no end: the latest of all, or none within. */
function latest(span: Span, column: string): { ofState?: string } {
  if (isWhole(span)) return { ofState: column };
  return span.to === undefined ? { ofState: `if(${column} >= ${span.from}, ${column}, NULL)` } : {};
}

/**
 * Times are compared as milliseconds since 1970: ClickHouse 26.7 compiles min and max of DateTime64, once a query has run a few times, as if
 * times before 1970 were late ones.
 */
function edge(branch: Branch, which: 'min' | 'max', time: string, condition: string): Partial {
  const millis = `toUnixTimestamp64Milli(${time})`;
  const expression = `CAST(if(countIf(${condition}) = 0, NULL, ${which}If(${millis}, ${condition})), 'Nullable(Int64)')`;
  return {
    branch,
    columns: () => [{ expression, neutral: noTime }],
    merge: ([at]) => `fromUnixTimestamp64Milli(${which}(${at}), 'UTC')`,
  };
}

/** Types of events that are counted, and the columns of customer_states that hold their number and their times. */
export const countedTypes = {
  'Product Viewed': ['views', 'view_times'],
  'Product Added': ['cart_adds', 'cart_add_times'],
  'Product Removed': ['cart_removes', 'cart_remove_times'],
  'Content Clicked': ['clicks', 'click_times'],
} as const;

export function eventsOf(type: keyof typeof countedTypes, span: Span): Partial {
  const [number, times] = countedTypes[type];
  return {
    ...count('events', both(`f.type = '${type}'`, ...inSpan('f.time', span))),
    ofState: isWhole(span) ? `c.${number}` : `toUInt64(arrayCount(t -> ${both(...inMillis('t', span))}, c.${times}))`,
  };
}

/** All events, also those that are nobody's visit: who has one is known. */
export function anyEvents(span: Span): Partial {
  return { ...count('events', both(...inSpan('f.time', span))), ...whole(span, 'c.events') };
}

export function firstEvent(span: Span): Partial {
  return { ...edge('events', 'min', 'f.time', both(...inSpan('f.time', span))), ...whole(span, 'c.events_first') };
}

export function visitEdge(which: 'min' | 'max', span: Span): Partial {
  const facts = edge('events', which, 'f.time', both(isVisit, ...inSpan('f.time', span)));
  return { ...facts, ...(which === 'min' ? whole(span, 'c.visits_first') : latest(span, 'c.visits_last')) };
}

export function emailEvents(span: Span): Partial {
  return {
    ...count('events', both('f.email_given', ...inSpan('f.time', span))),
    ...(span.to === undefined ? { ofState: `toUInt64(c.email_last > ${noMillis} AND c.email_last >= ${begin(span)})` } : {}),
  };
}

export function visits(span: Span): Partial {
  return {
    branch: 'visits',
    ofVisit: [`countIf(${both('1', ...inSpan('f.time', span))})`],
    columns: ([events]) => [{ expression: `countIf(${events} > 0)`, neutral: zero }],
    merge: ([n]) => `sum(${n})`,
    // A visit has an event since a time when its last one is.
    ...(span.to === undefined
      ? { ofState: isWhole(span) ? 'c.visits' : `toUInt64(arrayCount(last -> last >= ${begin(span)}, c.visit_lasts))` }
      : {}),
  };
}

/** Visits with an addition and no order among the span's events, the last of which is more than twelve hours before the build. */
export function abandonedVisits(span: Span, frame: Frame): Partial {
  const within = inSpan('f.time', span);
  return {
    branch: 'visits',
    ofVisit: [
      `countIf(${both("f.type = 'Product Added'", ...within)})`,
      `countIf(${both("f.type = 'Order Completed'", ...within)})`,
      `maxIf(toUnixTimestamp64Milli(f.time), ${both('1', ...within)})`,
    ],
    columns: ([adds, orders, last]) => [
      {
        expression: `countIf(${adds} > 0 AND ${orders} = 0 AND ${last} < toUnixTimestamp64Milli(${frame.asOf} - INTERVAL 12 HOUR))`,
        neutral: zero,
      },
    ],
    merge: ([n]) => `sum(${n})`,
    ...(span.to === undefined
      ? {
          ofState: `toUInt64(arrayCount((last, added, ordered) -> added > ${noMillis} AND added >= ${begin(span)} AND (ordered = ${noMillis} OR ordered < ${begin(span)}) AND last < toUnixTimestamp64Milli(${frame.asOf} - INTERVAL 12 HOUR), c.cart_lasts, c.cart_last_adds, c.cart_last_orders))`,
        }
      : {}),
  };
}

/** Rises with time, and of equally late events with the place in the log: a plain number, by which argMin and argMax are fast. */
const order = "toInt128(toUnixTimestamp64Milli(f.time)) * toInt128('18446744073709551616') + f.log_position";

/** The earliest event that tells how the customer came: (source, campaign), of equally early ones the first recorded. Both empty: none tells. */
export function arrival(span: Span, frame: Frame): Partial {
  const source = `multiIf(f.utm_source != '', toString(f.utm_source), f.referrer_host != '' AND f.referrer_host != f.page_host AND NOT ${frame.isOwnReferrer}, toString(f.referrer_host), f.url != '', 'direct', '')`;
  const campaign = "if(f.utm_source != '', toString(f.utm_campaign), '')";
  const told = both(`${source} != ''`, ...inSpan('f.time', span));
  return {
    branch: 'events',
    columns: () => [
      { expression: `argMinIf(${source}, ${order}, ${told})`, neutral: "''" },
      { expression: `argMinIf(${campaign}, ${order}, ${told})`, neutral: "''" },
    ],
    merge: ([first, itsCampaign]) => `(max(${first}), max(${itsCampaign}))`,
    ...whole(span, '(c.arrival_source, c.arrival_campaign)'),
  };
}

/** JSON text of the latest value by time, of equally late ones the last recorded; empty: never said. `name` is SQL. */
export function latestAttribute(name: string, span: Span): Partial {
  const said = both(`mapContains(f.attributes, ${name})`, ...inSpan('f.time', span));
  return {
    branch: 'events',
    columns: () => [{ expression: `argMaxIf(f.attributes[${name}], ${order}, ${said})`, neutral: "''" }],
    merge: ([last]) => `max(${last})`,
    ...whole(span, `c.attributes[${name}]`),
  };
}

/** All attributes that have a value, as texts. */
export function allAttributes(): Partial {
  const said = "a.json != 'null'";
  const text = `ifNull(${attributeText('a.json')}, '')`;
  return {
    branch: 'attributes',
    columns: () => [
      {
        expression: `CAST((groupArrayIf(a.name, ${said}), groupArrayIf(${text}, ${said})), 'Map(String, String)')`,
        neutral: "CAST(map(), 'Map(String, String)')",
      },
    ],
    merge: ([map]) => `argMax(${map}, length(${map}))`,
  };
}

/** JSON text as the text that criteria compare: a string's characters, another value's JSON; NULL for null and for nothing. */
export function attributeText(json: string): string {
  return `multiIf(${json} IN ('', 'null'), NULL, startsWith(${json}, '"'), JSONExtractString(${json}), ${json})`;
}

/** What an entry of order_kinds says. */
export const orderKind = { order: 0, withCoupon: 1, refund: 2 } as const;

function ordersOfState(kinds: string, span: Span): string {
  return `toUInt64(arrayCount((t, kind) -> ${both(kinds, ...inMillis('t', span))}, c.order_times, c.order_kinds))`;
}

export function ordersCompleted(span: Span): Partial {
  return {
    ...count('orders', both(completed, ...inSpan('o.time', span))),
    ofState: isWhole(span) ? 'c.orders' : ordersOfState(`kind != ${orderKind.refund}`, span),
  };
}

export function ordersWithCoupon(span: Span): Partial {
  return {
    ...count('orders', both(completed, "o.coupon != ''", ...inSpan('o.time', span))),
    ofState: ordersOfState(`kind = ${orderKind.withCoupon}`, span),
  };
}

/** Orders less refunds, each by its own time. */
export function revenue(span: Span): Partial {
  return {
    branch: 'orders',
    columns: () => [
      {
        expression: `sumIf(if(${completed}, o.amount, -o.amount), ${both(...inSpan('o.time', span))})`,
        neutral: 'toDecimal128(0, 4)',
      },
    ],
    merge: ([sum]) => `sum(${sum})`,
    ofState: isWhole(span)
      ? 'c.revenue'
      : `arraySum((t, amount) -> if(${both(...inMillis('t', span))}, toDecimal128(amount, 4), toDecimal128(0, 4)), c.order_times, c.order_amounts)`,
  };
}

export function orderEdge(which: 'min' | 'max', span: Span): Partial {
  const facts = edge('orders', which, 'o.time', both(completed, ...inSpan('o.time', span)));
  if (isWhole(span)) return { ...facts, ofState: which === 'min' ? 'c.orders_first' : 'c.orders_last' };
  if (which === 'max') return { ...facts, ...latest(span, 'c.orders_last') };
  const its = `arrayFilter((t, kind) -> ${both(`kind != ${orderKind.refund}`, ...inMillis('t', span))}, c.order_times, c.order_kinds)`;
  return { ...facts, ofState: `if(empty(${its}), NULL, fromUnixTimestamp64Milli(arrayMin(${its}), 'UTC'))` };
}

/** Answers recorded, scaled back by the rate of each, as a whole number. Summed by rate in rising order, so that it is the same in every run. */
export function answersServed(span: Span): Partial {
  const rates = `groupArrayIf(s.sample_rate, ${both(...inSpan('s.time', span))})`;
  const counts = `arraySort(r -> r.1, arrayZip(arrayDistinct(${rates}), arrayMap(rate -> countEqual(${rates}, rate), arrayDistinct(${rates}))))`;
  return {
    branch: 'served',
    columns: () => [
      {
        expression: `toUInt64(floor(arraySum(r -> r.2 / r.1, ${counts}) + 0.5))`,
        neutral: zero,
      },
    ],
    merge: ([n]) => `sum(${n})`,
    ...whole(span, 'c.answers'),
  };
}
