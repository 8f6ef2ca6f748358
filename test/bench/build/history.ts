import type { ClickHouseConnection } from '#libs/analytics/clickhouse';

export interface HistorySize {
  readonly customers: number;
  readonly eventsPerCustomer: number;
}

/** Customers, visits and what was done are drawn by hashes of their numbers: every run has the same history, up to the time it ends at. */
const rowsPerInsert = 5_000_000;
const eventsPerVisit = 5;
const days = 120;

/**
 * A client's history straight into the tables: of each customer `eventsPerCustomer` events in visits of five over the days before `until`;
 * an order at the end of every tenth visit, an addition in every third. The log positions are those of a log that holds nothing else.
 * Returns the last one.
 */
export async function writeHistory(
  connection: ClickHouseConnection,
  clientId: string,
  { customers, eventsPerCustomer }: HistorySize,
  until: Date,
): Promise<bigint> {
  const events = customers * eventsPerCustomer;
  for (let from = 0; from < events; from += rowsPerInsert) {
    const count = Math.min(rowsPerInsert, events - from);
    await insertEvents(connection, { clientId, customers, until, from, count });
  }
  const params = { client: clientId, last: String(events) };
  await connection.command(
    `INSERT INTO order_facts (client_id, customer_id, session_id, time, log_position, event_id, type, message_id, order_id, amount, currency, coupon, items)
     SELECT client_id, customer_id, session_id, time, log_position, event_id, type, message_id, toString(log_position),
       toDecimal64(log_position % 20000, 4) / 100, 'EUR', if(log_position % 7 = 0, 'TEN', ''), 1
     FROM behaviour_facts WHERE client_id = {client:String} AND type = 'Order Completed'`,
    params,
  );
  await connection.command("INSERT INTO checkpoints (name, log_position) VALUES ('tables', {last:UInt64})", params);
  return BigInt(events);
}

/** The number of a customer's id as the system issues them: 26 characters. */
export const customerIdSql = (number: string): string => `concat('c', substring(lower(hex(MD5(toString(${number})))), 1, 25))`;

interface Piece {
  readonly clientId: string;
  readonly customers: number;
  readonly until: Date;
  readonly from: number;
  readonly count: number;
}

async function insertEvents(connection: ClickHouseConnection, { clientId, customers, until, from, count }: Piece): Promise<void> {
  // Event k of customer c is number k × customers + c: the log's order is that of time, roughly, and a customer's events lie far apart in it.
  const event = `number AS n, n % ${customers} AS customer, intDiv(n, ${customers}) AS k, intDiv(k, ${eventsPerVisit}) AS visit, k % ${eventsPerVisit} AS step,
  cityHash64(customer, visit) AS drawn`;
  const type = `multiIf(step = 4 AND drawn % 10 = 0, 'Order Completed', step = 3 AND drawn % 3 = 0, 'Product Added', step = 4 AND drawn % 11 = 0, 'Product Removed', step = 0, 'Page Viewed', 'Product Viewed')`;
  const params = { client: clientId, until: until.toISOString(), from: String(from), count: String(count) };
  const source = 'FROM numbers({from:UInt64}, {count:UInt64})';
  await connection.command(
    `INSERT INTO behaviour_facts (client_id, customer_id, session_id, time, log_position, event_id, type, message_id, product_id, url, page_host, utm_source)
     WITH ${event}
     SELECT {client:String}, ${customerIdSql('customer')}, concat('s', toString(customer), '.', toString(visit)),
       parseDateTime64BestEffort({until:String}, 3, 'UTC') - toIntervalSecond(60 + drawn % ${days * 86_400} + (4 - step) * 40),
       n + 1, reinterpretAsUUID(n), ${type}, '', if(step = 0, '', toString(drawn % 1000)), 'https://shop.example/', 'shop.example', if(step = 0 AND drawn % 4 = 0, 'news', '')
     ${source}`,
    params,
  );
  await connection.command(
    `INSERT INTO touched (client_id, log_position, customer_id)
     WITH ${event}
     SELECT {client:String}, n + 1, ${customerIdSql('customer')} ${source}`,
    params,
  );
}
