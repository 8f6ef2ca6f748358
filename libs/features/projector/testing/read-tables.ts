import type { ClickHouseConnection } from '#libs/analytics/clickhouse';
import type { Tables } from './plain-fold.js';

const units = (column: string) => `toInt64(${column} * 10000)`;
const iso = "formatDateTime(time, '%FT%T', 'UTC') || '.' || leftPad(toString(toUnixTimestamp64Milli(time) % 1000), 3, '0') || 'Z'";

const lines: Readonly<Record<keyof Tables, string>> = {
  behaviour: `client_id, customer_id, log_position, event_id, ${iso}, type, message_id, coalesce(via, '-') FROM behaviour`,
  orders: `client_id, customer_id, log_position, coalesce(order_id, '-'), ${units('total')}, coalesce(coupon, '-'), items FROM orders`,
  order_items: `client_id, customer_id, log_position, item, type, product_id, ${units('quantity')}, ${units('price')} FROM order_items`,
  content_served: `client_id, customer_id, log_position, event_id, ${iso}, decision_id FROM content_served`,
  dead_letters: 'client_id, log_position, type FROM dead_letters FINAL',
  customers: `client_id, customer_id, orders_count, ${units('orders_total')} FROM customers`,
};

/** The public views in the form of `plainFold`. */
export async function readTables(connection: ClickHouseConnection): Promise<Tables> {
  const tables: Record<string, string[]> = {};
  for (const [view, sql] of Object.entries(lines)) {
    const at = sql.lastIndexOf(' FROM ');
    const rows = await connection.query<{ line: string }>(`SELECT concatWithSeparator(' ', ${sql.slice(0, at)}) AS line${sql.slice(at)}`);
    tables[view] = rows.map(({ line }) => line).sort();
  }
  return tables as unknown as Tables;
}
