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
const isVisit = "f.type NOT IN ('Order Refunded', 'Customer Updated')";
const completed = "o.type = 'Order Completed'";

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

export function eventsOf(type: string, span: Span): Partial {
  return count('events', both(`f.type = '${type}'`, ...inSpan('f.time', span)));
}

/** All events, also those that are nobody's visit: who has one is known. */
export function anyEvents(span: Span): Partial {
  return count('events', both(...inSpan('f.time', span)));
}

export function firstEvent(span: Span): Partial {
  return edge('events', 'min', 'f.time', both(...inSpan('f.time', span)));
}

export function visitEdge(which: 'min' | 'max', span: Span): Partial {
  return edge('events', which, 'f.time', both(isVisit, ...inSpan('f.time', span)));
}

export function emailEvents(span: Span): Partial {
  return count('events', both('f.email_given', ...inSpan('f.time', span)));
}

export function visits(span: Span): Partial {
  return {
    branch: 'visits',
    ofVisit: [`countIf(${both('1', ...inSpan('f.time', span))})`],
    columns: ([events]) => [{ expression: `countIf(${events} > 0)`, neutral: zero }],
    merge: ([n]) => `sum(${n})`,
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
  };
}

/** JSON text of the latest value by time, of equally late ones the last recorded; empty: never said. `name` is SQL. */
export function latestAttribute(name: string, span: Span): Partial {
  const said = both(`mapContains(f.attributes, ${name})`, ...inSpan('f.time', span));
  return {
    branch: 'events',
    columns: () => [{ expression: `argMaxIf(f.attributes[${name}], ${order}, ${said})`, neutral: "''" }],
    merge: ([last]) => `max(${last})`,
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

export function ordersCompleted(span: Span): Partial {
  return count('orders', both(completed, ...inSpan('o.time', span)));
}

export function ordersWithCoupon(span: Span): Partial {
  return count('orders', both(completed, "o.coupon != ''", ...inSpan('o.time', span)));
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
  };
}

export function orderEdge(which: 'min' | 'max', span: Span): Partial {
  return edge('orders', which, 'o.time', both(completed, ...inSpan('o.time', span)));
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
  };
}
