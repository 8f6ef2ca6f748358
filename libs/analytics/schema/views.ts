import type { Migration } from './migration.js';
import { createView, orNull, same, settingOfClient, type ViewColumn } from './view.js';

/** The documented names. They show every event once; absent values are NULL. */

const id = 'LowCardinality(Nullable(String))';
const name = 'LowCardinality(String)';
const text = 'Nullable(String)';
const money = 'Decimal(18, 4)';
const instant = "DateTime64(3, 'UTC')";

const customer = [
  same('client_id', name, 'The client (merchant) whose pages or records these are'),
  same('customer_id', 'String', 'The customer, as the page, the import or the cookie names them'),
];

const common = [
  ...customer,
  orNull('session_id', text, 'The visit as the tag or the import names it; NULL when there was none'),
  same('time', instant, 'When it happened, in UTC'),
  same('event_id', 'UUID', 'Id of the event in the event log'),
  same('log_position', 'UInt64', 'Place of the event in the event log'),
];

const answer = [
  orNull('campaign_id', id, 'Campaign; NULL when none is concerned'),
  orNull('placement_id', id, 'Place on the page; NULL when none was named'),
  orNull('content_id', id, 'Content that was chosen; NULL when nothing was shown'),
  orNull('segment_id', id, 'Segment of the rule that matched; NULL when the rule is for everyone or none matched'),
  orNull('rule_id', id, 'Rule that matched; NULL when none did'),
  orNull('group', id, 'Control or test group that was drawn; NULL when the rule has no groups'),
  orNull('decision_id', text, 'Id of the answer (content query) that is concerned; NULL when none is'),
];

const page = [
  orNull('url', text, 'Address of the page; NULL when unknown'),
  orNull('referrer', text, 'Address of the page before; NULL when unknown'),
];

/** JSON text as a column whose parts can be asked for by name. */
function json(column: string, comment: string): ViewColumn {
  return { name: column, type: 'JSON', comment, expression: `f.${column}::JSON` };
}
// What a page sends must not make the view unreadable: of two properties that ClickHouse takes for one the first counts, and texts stay texts.
const jsonSettings = `SETTINGS type_json_skip_duplicated_paths = 1, json_type_escape_dots_in_keys = 1,
  input_format_try_infer_dates = 0, input_format_try_infer_datetimes = 0`;

function currency(comment: string): ViewColumn {
  return {
    name: 'currency',
    type: name,
    comment,
    expression: `if(f.currency != '', f.currency, ${settingOfClient('currency')})`,
  };
}

function newest(setting: string, condition: string): string {
  return `argMaxIf(assumeNotNull(f.${setting}), f.log_position, ${condition})`;
}
function setting(column: string, type: string, comment: string, condition = `isNotNull(f.${column})`): ViewColumn {
  return { name: column, type, comment, expression: newest(column, condition) };
}

const clients = createView({
  name: 'clients',
  comment: 'Clients (merchants) with their settings of today',
  columns: [
    same('client_id', name, 'The client (merchant)'),
    setting('name', 'String', 'Name'),
    setting('time_zone', 'String', 'IANA time zone: days are by it'),
    setting('currency', 'String', 'ISO 4217 code of all amounts'),
    setting('origins', 'Array(String)', 'Origins of the client, such as https://shop.example', 'f.origins_given'),
    setting(
      'origin_hosts',
      'Array(String)',
      'Hosts of the origins in lower case without www. and port: a referrer among them is no arrival',
      'f.origins_given',
    ),
  ],
  from: `FROM client_facts AS f FINAL
GROUP BY f.client_id`,
});

const behaviour = createView({
  name: 'behaviour',
  comment: 'What customers did: pages, servers, imports and clicks, one row per event',
  columns: [
    ...common,
    same('type', name, 'What the customer did, as POST /e names it, such as Product Viewed'),
    same('message_id', 'String', "The sender's own id of the message"),
    orNull('product_id', text, 'Product that is concerned; NULL when none is'),
    ...page,
    orNull('page_host', id, 'Host of url in lower case without www. and port; NULL when unknown'),
    orNull('referrer_host', id, 'Host of referrer in lower case without www. and port; NULL when unknown'),
    orNull('utm_source', id, 'utm_source of url; NULL when it has none'),
    orNull('utm_campaign', id, 'utm_campaign of url; NULL when it has none'),
    same('email_given', 'Bool', 'Whether an e-mail address came with it (the address itself is not in the tables)'),
    ...answer,
    orNull('via', id, 'Of a click that a node saw: address (a click address) or form (the click form); else NULL'),
    orNull('import_id', text, 'The import that brought it; NULL when it came from a page or a server'),
    same('attributes', 'Map(String, String)', 'Of Customer Updated: attribute name to its value as JSON text'),
    json('properties', 'All properties as sent; an e-mail address is sealed; a dot in a name is written %2E'),
  ],
  from: `FROM behaviour_facts AS f FINAL
${jsonSettings}`,
});

const orders = createView({
  name: 'orders',
  comment: 'Orders that count: of several completions of one order id of a customer the first recorded',
  columns: [
    ...common,
    orNull('order_id', text, "The shop's id of the order; NULL when none was given (each completion is an order then)"),
    same('total', money, 'Worth of the order: its total, else the sum of price times quantity of its products'),
    currency('ISO 4217 code of total'),
    orNull('coupon', text, 'Coupon code; NULL when none was used'),
    same('items', 'UInt32', 'Number of product lines'),
  ],
  from: `FROM
(
  SELECT
    o.client_id AS client_id,
    o.customer_id AS customer_id,
    o.order_id AS order_id,
    min(o.log_position) AS log_position,
    argMin(o.session_id, o.log_position) AS session_id,
    argMin(o.time, o.log_position) AS time,
    argMin(o.event_id, o.log_position) AS event_id,
    argMin(o.amount, o.log_position) AS total,
    argMin(o.currency, o.log_position) AS currency,
    argMin(o.coupon, o.log_position) AS coupon,
    argMin(o.items, o.log_position) AS items
  FROM order_facts AS o FINAL
  WHERE o.type = 'Order Completed'
  GROUP BY o.client_id, o.customer_hash, o.customer_id, o.order_id, if(o.order_id = '', o.log_position, 0)
) AS f`,
});

const orderItems = createView({
  name: 'order_items',
  comment: 'Product lines of the orders that count, and of refunds',
  columns: [
    ...common,
    same('item', 'UInt32', 'Place of the line in its order, from 0'),
    same('type', name, 'Order Completed or Order Refunded'),
    orNull('order_id', text, "The shop's id of the order; NULL when none was given"),
    orNull('product_id', text, 'Product; NULL when none was given'),
    same('quantity', money, 'As sent (a shop may send refunds as negative); 1 when none was given'),
    same('price', money, 'Of one piece, as sent; 0 when none was given'),
    currency('ISO 4217 code of price'),
    json('properties', 'The whole line as sent'),
  ],
  from: `FROM order_item_facts AS f FINAL
WHERE f.log_position NOT IN
(
  SELECT arrayJoin(arrayPopFront(arraySort(groupUniqArray(o.log_position))))
  FROM order_facts AS o
  WHERE o.type = 'Order Completed' AND o.order_id != ''
  GROUP BY o.client_id, o.customer_hash, o.customer_id, o.order_id
  HAVING uniqExact(o.log_position) > 1
)
${jsonSettings}`,
});

const contentServed = createView({
  name: 'content_served',
  comment: 'Answers of content-query nodes that were recorded; each stands for 1 / sample_rate answers',
  columns: [
    ...common,
    ...answer,
    same('reason', name, 'TARGETING_MATCH, SPLIT, DEFAULT, DISABLED or STALE'),
    same('playbook', name, 'Version of the playbook snapshot that answered'),
    orNull('audience', text, 'Version of the audience snapshot that answered, image or image+increment; NULL when there was none'),
    same('sample_rate', 'Float64', 'Share of answers that were recorded then'),
    same('form', name, 'json, redirect, body, click or batch'),
    ...page,
    same('device', name, 'desktop, mobile, tablet or bot'),
    orNull('browser', id, 'Family in lower case; NULL when unknown'),
    orNull('country', id, 'ISO 3166-1 alpha-2 in upper case; NULL when unknown'),
    same('context', 'Map(String, String)', 'Context that came with the query'),
  ],
  from: 'FROM served_facts AS f FINAL',
});

function visit(column: string, type: string, expression: string, comment: string): ViewColumn {
  return { name: column, type, comment, expression };
}
function countOf(column: string, type: string, more = ''): ViewColumn {
  return visit(column, 'UInt64', `countIf(f.type = '${type}')`, `Number of ${type}${more}`);
}

const sessions = createView({
  name: 'sessions',
  comment: 'Visits: what a customer did under one session id, or without one within one day in the time zone of the client',
  columns: [
    ...customer,
    visit(
      'visit_id',
      'String',
      "if(f.session_id != '', f.session_id, toString(f.day))",
      'The session id, or the local day (2026-03-08) of a visit without one',
    ),
    orNull('session_id', text, 'The session id; NULL for a visit without one'),
    visit('first_time', instant, "fromUnixTimestamp64Milli(min(toUnixTimestamp64Milli(f.time)), 'UTC')", 'Time of the first event, in UTC'),
    visit('last_time', instant, "fromUnixTimestamp64Milli(max(toUnixTimestamp64Milli(f.time)), 'UTC')", 'Time of the last event, in UTC'),
    visit('events', 'UInt64', 'count()', 'Number of events'),
    countOf('page_views', 'Page Viewed'),
    countOf('searches', 'Products Searched'),
    countOf('product_views', 'Product Viewed'),
    countOf('cart_adds', 'Product Added'),
    countOf('cart_removes', 'Product Removed'),
    countOf('cart_views', 'Cart Viewed'),
    countOf('checkouts', 'Checkout Started'),
    countOf('orders', 'Order Completed', ', repeats of an order id among them'),
    countOf('content_views', 'Content Viewed'),
    countOf('content_clicks', 'Content Clicked'),
  ],
  from: `FROM
(
  SELECT
    f.client_id AS client_id,
    f.customer_hash AS customer_hash,
    f.customer_id AS customer_id,
    f.session_id AS session_id,
    f.time AS time,
    f.type AS type,
    if(f.session_id = '', toDate32(substring(toString(f.time, ${settingOfClient('time_zone', "'UTC'")}), 1, 10)), toDate32('1970-01-01')) AS day
  FROM behaviour_facts AS f FINAL
  WHERE f.type NOT IN ('Order Refunded', 'Customer Updated')
) AS f
GROUP BY f.client_id, f.customer_hash, f.customer_id, f.session_id, f.day`,
});

export const views: Migration = {
  version: 2,
  name: 'views',
  statements: [clients, behaviour, orders, orderItems, contentServed, sessions],
};
