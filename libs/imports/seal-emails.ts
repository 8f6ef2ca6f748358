import { type CustomerKeys, sealText } from '#libs/customer-keys';
import type { BehaviourFact, JsonLike } from '#libs/domain';

/** Seals one text with a customer's key. */
export type Seal = (text: string) => string;

/** Whether an `email` stands anywhere in the properties. */
export function hasEmail(value: JsonLike | object): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasEmail);
  return Object.entries(value as { readonly [name: string]: JsonLike }).some(([name, each]) => name === 'email' || hasEmail(each));
}

/** A copy in which every `email` is an `email_sealed`. */
export function sealEmails<T extends JsonLike | object>(value: T, seal: Seal): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each: JsonLike) => sealEmails(each, seal)) as unknown as T;
  const copy: { [name: string]: JsonLike } = {};
  for (const [name, each] of Object.entries(value as { readonly [name: string]: JsonLike })) {
    if (name === 'email') copy.email_sealed = seal(String(each));
    else copy[name] = sealEmails(each, seal);
  }
  // The same shape but for the addresses, which no type tells apart.
  return copy as T;
}

/** What an address is sealed for: it opens for this customer of this client only. */
export function emailContext(clientId: string, customerId: string): string {
  return `${clientId}/${customerId}/email`;
}

/** The fact as it may stand in the log: without an address in clear. */
export async function sealFact(fact: BehaviourFact, clientId: string, keys: Pick<CustomerKeys, 'obtain'>): Promise<BehaviourFact> {
  if (!hasEmail(fact.properties)) return fact;
  const key = await keys.obtain(clientId, fact.customerId);
  const context = emailContext(clientId, fact.customerId);
  return { ...fact, properties: sealEmails(fact.properties, (text) => sealText(key, text, context)) };
}
