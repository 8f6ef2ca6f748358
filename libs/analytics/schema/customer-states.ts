import type { Migration } from './migration.js';

const times = 'CODEC(Delta(8), ZSTD(1))';
const instant = "Nullable(DateTime64(3, 'UTC'))";

/**
 * One row per customer: a pure function of the customer's facts, made whole again when the customer was touched (docs/adr/0047). It holds everything
 * up to the latest of its times, so it says nothing of an earlier moment.
 */
export const customerStates: Migration = {
  version: 5,
  name: 'customer-states',
  statements: [
    `CREATE TABLE IF NOT EXISTS customer_states
(
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  customer_hash UInt64 COMMENT 'xxHash64 of customer_id: the order of the table within a client, and the key of audiences',
  customer_id String COMMENT 'The customer' CODEC(ZSTD(1)),
  log_position UInt64 COMMENT 'All facts up to here are in the row; of several rows of a customer the one with the largest counts' CODEC(Delta(8), ZSTD(1)),
  basis LowCardinality(String) COMMENT 'Which time zone and origins of the client, and which version of this table, the row was made by',
  last_time DateTime64(3, 'UTC') COMMENT 'Latest time of any event or recorded answer of the customer: of no earlier moment the row tells' CODEC(ZSTD(1)),
  events UInt64 COMMENT 'Number of events' CODEC(ZSTD(1)),
  events_first ${instant} COMMENT 'Time of the first event' CODEC(ZSTD(1)),
  visits UInt64 COMMENT 'Number of visits' CODEC(ZSTD(1)),
  visits_first ${instant} COMMENT 'Time of the first event of all visits; NULL when there is none' CODEC(ZSTD(1)),
  visits_last ${instant} COMMENT 'Time of the last event of all visits; NULL when there is none' CODEC(ZSTD(1)),
  visit_lasts Array(Int64) COMMENT 'Of each visit the time of its last event, in milliseconds since 1970' ${times},
  cart_lasts Array(Int64) COMMENT 'Of each visit with a Product Added the time of its last event, in milliseconds since 1970' ${times},
  cart_last_adds Array(Int64) COMMENT 'Of the same visits the time of the last Product Added' ${times},
  cart_last_orders Array(Int64) COMMENT 'Of the same visits the time of the last Order Completed; the smallest number when there is none' ${times},
  views UInt64 COMMENT 'Number of Product Viewed' CODEC(ZSTD(1)),
  view_times Array(Int64) COMMENT 'Their times, in milliseconds since 1970, rising' ${times},
  cart_adds UInt64 COMMENT 'Number of Product Added' CODEC(ZSTD(1)),
  cart_add_times Array(Int64) COMMENT 'Their times, in milliseconds since 1970, rising' ${times},
  cart_removes UInt64 COMMENT 'Number of Product Removed' CODEC(ZSTD(1)),
  cart_remove_times Array(Int64) COMMENT 'Their times, in milliseconds since 1970, rising' ${times},
  clicks UInt64 COMMENT 'Number of clicks' CODEC(ZSTD(1)),
  click_times Array(Int64) COMMENT 'Their times, in milliseconds since 1970, rising' ${times},
  orders UInt64 COMMENT 'Orders that count' CODEC(ZSTD(1)),
  orders_first ${instant} COMMENT 'Time of the earliest order that counts; NULL when there is none' CODEC(ZSTD(1)),
  orders_last ${instant} COMMENT 'Time of the latest order that counts; NULL when there is none' CODEC(ZSTD(1)),
  revenue Decimal(38, 4) COMMENT 'Worth of the orders that count less refunds' CODEC(ZSTD(1)),
  order_times Array(Int64) COMMENT 'Times of the orders that count and of the refunds, in milliseconds since 1970, rising' ${times},
  order_amounts Array(Decimal(18, 4)) COMMENT 'Worth of each of these; of a refund below zero' CODEC(ZSTD(1)),
  order_kinds Array(UInt8) COMMENT 'What each of these is: 0 an order, 1 an order with a coupon, 2 a refund' CODEC(ZSTD(1)),
  email_last Int64 COMMENT 'When an e-mail address was last given, in milliseconds since 1970; the smallest number when never' CODEC(ZSTD(1)),
  arrival_source String COMMENT 'How the customer came first, as the earliest event that tells does; empty when none does' CODEC(ZSTD(1)),
  arrival_campaign String COMMENT 'utm_campaign of that arrival; empty when there is none' CODEC(ZSTD(1)),
  answers UInt64 COMMENT 'Answers given to the customer: those recorded, scaled back by their sample rates' CODEC(ZSTD(1)),
  attributes Map(String, String) COMMENT 'Attribute name to the JSON text of its latest value' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(log_position)
ORDER BY (client_id, customer_hash, customer_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What all events of a customer come to, one row per customer with events, as of the last refresh; read the view customers'`,
    `CREATE TABLE IF NOT EXISTS customer_state_marks
(
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  log_position UInt64 COMMENT 'customer_states has everything of this client up to here; whom later events touched is in the table touched',
  basis LowCardinality(String) COMMENT 'The basis of all rows of this client in customer_states',
  last_time DateTime64(3, 'UTC') COMMENT 'No row of this client has a later last_time'
)
ENGINE = ReplacingMergeTree(log_position)
ORDER BY client_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'How far customer_states has been brought, by client'`,
  ],
};
