export { clickHouseAddress } from './address.js';
export { type ClickHouseConnection, type ClickHouseOptions, openClickHouse } from './client.js';
export { migrate, SchemaMismatch } from './migrate.js';
export { openAnalytics } from './open-analytics.js';
export { openProjectionTables } from './projection-tables.js';
export { openAnalyticsWriter } from './writer.js';
