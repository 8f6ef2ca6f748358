import type { Migration } from './migration.js';

/**
 * Whom recorded answers concern, apart from whom behaviour touched: mostly nothing is judged by answers. What the tables held before this migration stands in
 * the table touched.
 */
export const answered: Migration = {
  version: 6,
  name: 'answered',
  statements: [
    `CREATE TABLE IF NOT EXISTS answered
(
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  log_position UInt64 COMMENT 'Place of the recorded answer in the event log' CODEC(Delta(8), ZSTD(1)),
  customer_id String COMMENT 'The customer who was answered' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (client_id, log_position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Customers whom recorded answers concern, in the order of the log: whom to judge again where answers count'`,
  ],
};
