import type { Migration } from './migration.js';

/** What was recorded before its time, by when it counts. What the tables held before this migration has no rows here: whole builds know it. */
export const due: Migration = {
  version: 4,
  name: 'due',
  statements: [
    `CREATE TABLE IF NOT EXISTS due
(
  client_id LowCardinality(String) COMMENT 'The client (merchant)',
  time DateTime64(3, 'UTC') COMMENT 'When it happens, in UTC: from then on it counts' CODEC(Delta(8), ZSTD(1)),
  customer_id String COMMENT 'The customer whom the event concerns' CODEC(ZSTD(1)),
  log_position UInt64 COMMENT 'Place of the event in the event log' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (client_id, time, log_position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Events that were recorded before their time, by it: whom to judge again when it comes'`,
  ],
};
