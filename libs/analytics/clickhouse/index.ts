export { clickHouseAddress } from './address.js';
export type { ClickHouseConnection } from './client.js';
export { migrate } from './migrate.js';
export { openAnalytics } from './open-analytics.js';
export { type ClickHouseOptions, openClickHouse } from './open-clickhouse.js';
export { openProjectionTables } from './projection-tables.js';
export { SchemaMismatch } from './schema-mismatch.js';
export { openAnalyticsWriter } from './writer.js';
