/**
 * How the tables lie on the shards of a cluster. Every table that holds a customer is spread by the customer, so that a customer's rows lie together
 * and what is asked of customers is answered within a shard. There `x` is a Distributed table over the shards' `x_local`, tables and views alike.
 */
const byCustomer = 'xxHash64(client_id, customer_id)';
/** Small tables that no shard reads for itself: the first keeps them. */
const onTheFirst = 'toUInt64(0)';

/** Table or view → by what its rows are spread (SQL over its columns). */
export const spread: Readonly<Record<string, string>> = {
  behaviour_facts: byCustomer,
  order_facts: byCustomer,
  order_item_facts: byCustomer,
  served_facts: byCustomer,
  touched: byCustomer,
  answered: byCustomer,
  due: byCustomer,
  customer_states: byCustomer,
  behaviour: byCustomer,
  orders: byCustomer,
  order_items: byCustomer,
  content_served: byCustomer,
  sessions: byCustomer,
  customers: byCustomer,
  messages: 'xxHash64(client_id, key)',
  decisions: 'xxHash64(decision_id)',
  checkpoints: onTheFirst,
  customer_state_marks: onTheFirst,
  dead_letters: onTheFirst,
};

/** Small tables that every shard reads for itself: each has all rows. */
export const everywhere: readonly string[] = ['client_facts'];

export function partOf(table: string): string {
  return Object.hasOwn(spread, table) ? `${table}_local` : table;
}

const tableInStatement = new RegExp(
  `\\b(CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE|DROP TABLE IF EXISTS|DROP VIEW IF EXISTS|FROM|JOIN)(\\s+)(${Object.keys(spread).join('|')})\\b`,
  'g',
);

/** A statement of a migration for one shard: it makes and reads the parts that lie there. */
export function statementForPart(statement: string): string {
  return statement.replace(tableInStatement, (_, verb: string, space: string, table: string) => `${verb}${space}${partOf(table)}`);
}
