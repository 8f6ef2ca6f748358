import type { Migration } from './migration.js';

/**
 * Facts lie sorted by customer, so that one customer's history, and a range of customers, are one read. The key ends in the log position:
 * an insert done twice is the same rows. An acknowledged insert survives power loss, because the checkpoint that follows it says so.
 */
function factTable(name: string, columns: string, options: { comment: string; key?: string; indexes?: string }): string {
  return `CREATE TABLE IF NOT EXISTS ${name}
(
  client_id LowCardinality(String) COMMENT 'The client (merchant) whose pages or records these are',
  customer_id String COMMENT 'The customer, as the page, the import or the cookie names them' CODEC(ZSTD(1)),
  customer_hash UInt64 DEFAULT xxHash64(customer_id) COMMENT 'xxHash64 of customer_id: the order of the table within a client, and the key of audiences',
  session_id String COMMENT 'The visit as the tag or the import names it; empty when there was none' CODEC(ZSTD(1)),
  time DateTime64(3, 'UTC') COMMENT 'When it happened, in UTC' CODEC(Delta(8), ZSTD(1)),
  log_position UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1)),
  event_id UUID COMMENT 'Id of the event in the event log',
${columns}${options.indexes === undefined ? '' : `,\n${options.indexes}`}
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (client_id, customer_hash, customer_id)
ORDER BY (client_id, customer_hash, customer_id, time, log_position${options.key ?? ''})
SETTINGS index_granularity = 2048, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT '${options.comment}'`;
}

const answerColumns = `  campaign_id LowCardinality(String) COMMENT 'Campaign; empty when none is concerned',
  placement_id LowCardinality(String) COMMENT 'Place on the page; empty when none was named',
  content_id LowCardinality(String) COMMENT 'Content that was chosen; empty when nothing was shown',
  segment_id LowCardinality(String) COMMENT 'Segment of the rule that matched; empty when the rule is for everyone or none matched',
  rule_id LowCardinality(String) COMMENT 'Rule that matched; empty when none did',
  \`group\` LowCardinality(String) COMMENT 'Control or test group that was drawn; empty when the rule has no groups',
  decision_id String COMMENT 'Id of the answer (content query) that is concerned; empty when none is' CODEC(ZSTD(1))`;

const behaviour = factTable(
  'behaviour_facts',
  `  type LowCardinality(String) COMMENT 'What the customer did, as POST /e names it, such as Product Viewed',
  message_id String COMMENT 'The sender''s own id of the message' CODEC(ZSTD(1)),
  product_id String COMMENT 'Product that is concerned; empty when none is' CODEC(ZSTD(1)),
  url String COMMENT 'Address of the page; empty when unknown' CODEC(ZSTD(1)),
  referrer String COMMENT 'Address of the page before; empty when unknown' CODEC(ZSTD(1)),
  page_host LowCardinality(String) COMMENT 'Host of url in lower case without www. and port; empty when unknown',
  referrer_host LowCardinality(String) COMMENT 'Host of referrer in lower case without www. and port; empty when unknown',
  utm_source LowCardinality(String) COMMENT 'utm_source of url; empty when it has none',
  utm_campaign LowCardinality(String) COMMENT 'utm_campaign of url; empty when it has none',
  email_given Bool COMMENT 'Whether an e-mail address came with it (the address itself is not in the tables)',
${answerColumns},
  via LowCardinality(String) COMMENT 'Of a click that a node saw: address (a click address) or form (the click form); else empty',
  import_id String COMMENT 'The import that brought it; empty when it came from a page or a server' CODEC(ZSTD(1)),
  attributes Map(String, String) COMMENT 'Of Customer Updated: attribute name to its value as JSON text' CODEC(ZSTD(1)),
  properties String COMMENT 'All properties as sent, as JSON text; an e-mail address is sealed' CODEC(ZSTD(3))`,
  { comment: 'What customers did, one row per event of the log that counts; read the view behaviour' },
);

const orders = factTable(
  'order_facts',
  `  type LowCardinality(String) COMMENT 'Order Completed or Order Refunded',
  message_id String COMMENT 'The sender''s own id of the message' CODEC(ZSTD(1)),
  order_id String COMMENT 'The shop''s id of the order; empty when none was given' CODEC(ZSTD(1)),
  amount Decimal(18, 4) COMMENT 'Worth of the order, or size of the refund (never negative); of the total, else of price times quantity of the products',
  currency LowCardinality(String) COMMENT 'ISO 4217 code as sent; empty: the currency of the client',
  coupon String COMMENT 'Coupon code; empty when none was used' CODEC(ZSTD(1)),
  items UInt32 COMMENT 'Number of product lines'`,
  { comment: 'Completed orders and refunds, repeats of an order id among them; read the view orders' },
);

const orderItems = factTable(
  'order_item_facts',
  `  item UInt32 COMMENT 'Place of the line in its order, from 0',
  type LowCardinality(String) COMMENT 'Order Completed or Order Refunded',
  order_id String COMMENT 'The shop''s id of the order; empty when none was given' CODEC(ZSTD(1)),
  product_id String COMMENT 'Product; empty when none was given' CODEC(ZSTD(1)),
  quantity Decimal(18, 4) COMMENT 'As sent; 1 when none was given',
  price Decimal(18, 4) COMMENT 'Of one piece, as sent; 0 when none was given',
  currency LowCardinality(String) COMMENT 'ISO 4217 code as sent; empty: the currency of the client',
  properties String COMMENT 'The whole line as sent, as JSON text' CODEC(ZSTD(3))`,
  { comment: 'Product lines of orders and refunds; read the view order_items', key: ', item' },
);

const served = factTable(
  'served_facts',
  `${answerColumns},
  reason LowCardinality(String) COMMENT 'TARGETING_MATCH, SPLIT, DEFAULT, DISABLED or STALE',
  playbook LowCardinality(String) COMMENT 'Version of the playbook snapshot that answered',
  audience String COMMENT 'Version of the audience snapshot that answered, image or image+increment; empty when there was none' CODEC(ZSTD(1)),
  sample_rate Float64 COMMENT 'Share of answers that were recorded then: a row stands for 1 / sample_rate answers',
  form LowCardinality(String) COMMENT 'json, redirect, body, click or batch',
  url String COMMENT 'Address of the page; empty when unknown' CODEC(ZSTD(1)),
  referrer String COMMENT 'Address of the page before; empty when unknown' CODEC(ZSTD(1)),
  device LowCardinality(String) COMMENT 'desktop, mobile, tablet or bot',
  browser LowCardinality(String) COMMENT 'Family in lower case; empty when unknown',
  country LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2 in upper case; empty when unknown',
  context Map(String, String) COMMENT 'Context that came with the query' CODEC(ZSTD(1))`,
  { comment: 'Answers of content-query nodes that were recorded; read the view content_served' },
);

const lookups = [
  `CREATE TABLE IF NOT EXISTS client_facts
(
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  log_position UInt64 COMMENT 'Place of the event in the event log',
  event_id UUID COMMENT 'Id of the event in the event log',
  name Nullable(String) COMMENT 'Name, when the event says one',
  time_zone Nullable(String) COMMENT 'IANA time zone, when the event says one',
  currency Nullable(String) COMMENT 'ISO 4217 code, when the event says one',
  origins Array(String) COMMENT 'Origins of the client, when the event says them',
  origin_hosts Array(String) COMMENT 'Hosts of the origins in lower case without www. and port',
  origins_given Bool COMMENT 'Whether the event says the origins'
)
ENGINE = ReplacingMergeTree
ORDER BY (client_id, log_position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Registrations and revisions of clients; read the view clients'`,
  `CREATE TABLE IF NOT EXISTS messages
(
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  key_hash UInt64 DEFAULT xxHash64(key) COMMENT 'xxHash64 of key: the order of the table within a client',
  key String COMMENT 'By what a message is known again: type:message_id, or decision:decision_id of a click' CODEC(ZSTD(1)),
  log_position UInt64 COMMENT 'Place in the event log of an event with this key; the smallest is the one that counts' CODEC(ZSTD(1)),
  import_id String COMMENT 'The import that brought it; empty when it came from a page or a server' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PRIMARY KEY (client_id, key_hash)
ORDER BY (client_id, key_hash, key, log_position)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which messages are in the tables: by this repeats are left out'`,
  `CREATE TABLE IF NOT EXISTS touched
(
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  log_position UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1)),
  customer_id String COMMENT 'The customer whom the event concerns' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (client_id, log_position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Customers in the order of the log: whom to judge again since a position'`,
  `CREATE TABLE IF NOT EXISTS decisions
(
  decision_id String COMMENT 'Id of an answer (content query)' CODEC(ZSTD(1)),
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  log_position UInt64 COMMENT 'Place of the recorded answer in the event log' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (decision_id, client_id, log_position)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Where a recorded answer stands in the log'`,
  `CREATE TABLE IF NOT EXISTS checkpoints
(
  name LowCardinality(String) COMMENT 'What has been read: tables',
  log_position UInt64 COMMENT 'Everything in the event log up to here is in the tables'
)
ENGINE = ReplacingMergeTree(log_position)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'How far the event log has been read into the tables'`,
  `CREATE TABLE IF NOT EXISTS dead_letters
(
  log_position UInt64 COMMENT 'Place of the event in the event log',
  event_id UUID COMMENT 'Id of the event in the event log',
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  stream String COMMENT 'Stream of the event log in which it stands',
  type LowCardinality(String) COMMENT 'Type of the event in the event log',
  reason String COMMENT 'Why it is in no table'
)
ENGINE = ReplacingMergeTree
ORDER BY log_position
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Events that could not be read into the tables; they stay in the event log'`,
];

export const facts: Migration = {
  version: 1,
  name: 'facts',
  statements: [behaviour, orders, orderItems, served, ...lookups],
};
