import type { ClickHouseConnection } from '#libs/analytics/clickhouse';

/** Customers, visits and what was done are drawn by hashes of their numbers: every run has the same history, up to the time it ends at. */
const rowsPerInsert = 5_000_000;
export const eventsPerCustomer = 20;
const eventsPerVisit = 5;
const days = 120;

/**
 * A client's history straight into the tables: of each customer twenty events in visits of five over the days before `until`; an order at the end of
 * every tenth visit, an addition in every third. The log positions are those of a log that holds nothing else.
 */
export async function writeHistory(connection: ClickHouseConnection, clientId: string, customers: number, until: Date): Promise<void> {
  const events = customers * eventsPerCustomer;
  for (let from = 0; from < events; from += rowsPerInsert) {
    await insertEvents(connection, { clientId, customers, until, from, count: Math.min(rowsPerInsert, events - from) });
  }
  await insertOrders(connection, clientId, 0);
  await connection.insert('client_facts', [clientRow(clientId)]);
  await connection.insert('checkpoints', [{ name: 'tables', log_position: String(events) }]);
}

/** One more event of every hundredth customer. */
export async function writeLater(connection: ClickHouseConnection, clientId: string, customers: number, until: Date): Promise<void> {
  const events = customers * eventsPerCustomer;
  await insertEvents(connection, { clientId, customers, until, from: events, count: Math.ceil(customers / 100) });
  await insertOrders(connection, clientId, events);
  await connection.insert('checkpoints', [{ name: 'tables', log_position: String(events + Math.ceil(customers / 100)) }]);
}

function clientRow(clientId: string) {
  const settings = { name: 'Shop', time_zone: 'UTC', currency: 'EUR', origins: [], origin_hosts: [], origins_given: true };
  return { client_id: clientId, log_position: '1', event_id: '00000000-0000-0000-0000-000000000001', ...settings };
}

async function insertOrders(connection: ClickHouseConnection, clientId: string, after: number): Promise<void> {
  await connection.command(
    `INSERT INTO order_facts (client_id, customer_id, session_id, time, log_position, event_id, type, message_id, order_id, amount, currency, coupon, items)
     SELECT client_id, customer_id, session_id, time, log_position, event_id, type, message_id, toString(log_position),
       toDecimal64(log_position % 20000, 4) / 100, 'EUR', if(log_position % 7 = 0, 'TEN', ''), 1
     FROM behaviour_facts WHERE client_id = {client:String} AND type = 'Order Completed' AND log_position > {after:UInt64}`,
    { client: clientId, after: String(after) },
  );
}

/** Of a customer's number the id: 26 characters, as the system issues them. */
const customerIdSql = (number: string): string => `concat('c', substring(lower(hex(MD5(toString(${number})))), 1, 25))`;

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
