import { customerFields } from '#libs/domain';
import { createView, same, settingOfClient, type ViewColumn } from '../schema/view.js';
import { CustomerQuery } from './customer-query.js';
import { Parameters } from './parameters.js';
import type { Frame } from './partials.js';

const instant = "DateTime64(3, 'UTC')";

/** Every client at once, each in its own time zone and with its own origins, as of now. */
const frame: Frame = {
  asOf: "now64(3, 'UTC')",
  localDay: `toInt32(toDate32(substring(toString(f.time, ${settingOfClient('time_zone', "'UTC'")}), 1, 10)))`,
  isOwnReferrer: `has(${settingOfClient('origin_hosts')}, toString(f.referrer_host))`,
};

/** Type in the view and meaning of each customer field; the column's name is the field's with `_` for `.`. */
const columns: Readonly<Record<keyof typeof customerFields, readonly [type: string, comment: string]>> = {
  'orders.count': ['UInt64', 'Orders that count: distinct order ids of Order Completed, the first recorded of each'],
  'orders.total': [
    'Decimal(18, 4)',
    'Worth of these orders less refunds, in the currency of the client; what does not fit is shown as the largest amount that does',
  ],
  'orders.first': [`Nullable(${instant})`, 'Time of the earliest order that counts, in UTC; NULL when there is none'],
  'orders.last': [`Nullable(${instant})`, 'Time of the latest order that counts, in UTC; NULL when there is none'],
  'visits.count': ['UInt64', 'Visits: distinct session ids, and without one the days in the time zone of the client'],
  'visits.first': [`Nullable(${instant})`, 'Time of the first event of all visits, in UTC; NULL when there is none'],
  'visits.last': [`Nullable(${instant})`, 'Time of the last event of all visits, in UTC; NULL when there is none'],
  'views.count': ['UInt64', 'Number of Product Viewed'],
  'cart.adds': ['UInt64', 'Number of Product Added'],
  'cart.removes': ['UInt64', 'Number of Product Removed'],
  'cart.abandons': ['UInt64', 'Visits with a Product Added and no Order Completed whose last event is more than 12 hours ago'],
  'arrival.source': [
    'String',
    'How the customer came first: utm_source, else the host of the referrer, else direct; unknown when no event tells',
  ],
  'arrival.campaign': ['Nullable(String)', 'utm_campaign of that arrival; NULL when there is none'],
  'coupons.used': ['UInt64', 'Orders that count with a coupon'],
  'email.known': ['Bool', 'Whether an e-mail address was ever given'],
  'content.served': ['UInt64', 'Answers given to the customer: those recorded, scaled back by their sample rates'],
  'content.clicked': ['UInt64', 'Number of clicks'],
};

/** The statement of the view `customers`: the fields that criteria judge by, from the same SQL. */
export function customersView(): string {
  const query = new CustomerQuery(frame, () => [], new Parameters(), { keys: ['client_id', 'customer_hash', 'customer_id'] });
  const fields = Object.entries(columns).map(([field, [type, comment]]): ViewColumn => {
    const { column, kind } = query.field(field);
    const expression = kind === 'money' ? fitting(`f.${column}`) : `f.${column}`;
    return { name: field.replace('.', '_'), type, comment, expression };
  });
  const attributes = query.attributes();
  return createView({
    name: 'customers',
    comment: 'One row per client and customer known by behaviour, imports or clicks: the customer fields, as of now',
    columns: [
      same('client_id', 'LowCardinality(String)', 'The client (merchant)'),
      same('customer_id', 'String', 'The customer'),
      ...fields,
      {
        name: 'currency',
        type: 'LowCardinality(String)',
        comment: 'ISO 4217 code of orders_total',
        expression: settingOfClient('currency'),
      },
      {
        name: 'attributes',
        type: 'Map(String, String)',
        comment: 'The latest value of each attribute by time; what is no text as JSON; null ones are left out',
        expression: `f.${attributes}`,
      },
    ],
    from: `FROM\n(\n${query.sql()}\n) AS f`,
  });
}

/** A sum of amounts may be larger than an amount; the view must be readable all the same. */
function fitting(sum: string): string {
  const most = '99999999999999.9999';
  return `least(greatest(${sum}, toDecimal128('-${most}', 4)), toDecimal128('${most}', 4))`;
}
