import { type CustomerKeys, sealText } from '#libs/customer-keys';
import { type BehaviourFact, type BehaviourProperties, isEmailAddress, type JsonLike, withoutAddresses } from '#libs/domain';

/** Seals one text with a customer's key. */
export type Seal = (text: string) => string;

/** Ids of things: taken for what they are, also where one looks like an address. */
const ids: ReadonlySet<string> = new Set(['product_id', 'order_id', 'coupon']);

const isAddress = (name: string, value: unknown): value is string => typeof value === 'string' && !ids.has(name) && isEmailAddress(value);

/** Whether an `email`, or another value that is an address, stands anywhere in the properties. */
function hasAddress(value: JsonLike | object): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some((each: JsonLike) => isAddress('', each) || hasAddress(each));
  return Object.entries(value as { readonly [name: string]: JsonLike }).some(
    ([name, each]) => name === 'email' || isAddress(name, each) || hasAddress(each),
  );
}

/** A copy in which every `email`, and every other `<name>` whose value is an address, is a `<name>_sealed`. */
function sealAddresses<T extends JsonLike | object>(value: T, seal: Seal): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((each: JsonLike) => (isAddress('', each) ? seal(each) : sealAddresses(each, seal))) as unknown as T;
  }
  const copy: { [name: string]: JsonLike } = {};
  for (const [name, each] of Object.entries(value as { readonly [name: string]: JsonLike })) {
    if (name === 'email' || isAddress(name, each)) copy[`${name}_sealed`] = seal(String(each));
    else copy[name] = sealAddresses(each, seal);
  }
  // The same shape but for the addresses, which no type tells apart.
  return copy as T;
}

/** The addresses of pages, which may hold a customer's in their query. */
function withCleanPages(properties: BehaviourProperties): BehaviourProperties {
  const pages: { url?: string; referrer?: string } = {};
  for (const name of ['url', 'referrer'] as const) {
    const given = properties[name];
    // An attribute of a customer may have that name and another type.
    if (typeof given !== 'string') continue;
    const clean = withoutAddresses(given);
    if (clean !== given) pages[name] = clean;
  }
  return Object.keys(pages).length === 0 ? properties : { ...properties, ...pages };
}

/** What an address is sealed for: it opens for this customer of this client only. */
export function emailContext(clientId: string, customerId: string): string {
  return `${clientId}/${customerId}/email`;
}

/** The fact as it may stand in the log: without an address in clear. */
export async function sealFact(fact: BehaviourFact, clientId: string, keys: Pick<CustomerKeys, 'obtain'>): Promise<BehaviourFact> {
  const properties = withCleanPages(fact.properties);
  if (!hasAddress(properties)) return properties === fact.properties ? fact : { ...fact, properties };
  const key = await keys.obtain(clientId, fact.customerId);
  const context = emailContext(clientId, fact.customerId);
  return { ...fact, properties: sealAddresses(properties, (text) => sealText(key, text, context)) };
}
