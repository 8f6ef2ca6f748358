/** Lookups in an audience and in a Map, in a process of its own: `node audience-lookups.js <customers> <lookups> <rounds>`; prints one line of JSON. */
import { readAudience } from '#libs/snapshots';
import { audienceOf, idOf } from '../harness/shop.js';

const [customers, lookups, rounds] = process.argv.slice(2).map(Number) as [number, number, number];

const { bytes } = await audienceOf(customers);
const audience = readAudience(bytes);
const map = new Map<string, number>();
const before = process.memoryUsage().heapUsed;
for (let customer = 0; customer < customers; customer += 1) map.set(idOf(customer), customer % 199);
const mapBytesPerCustomer = (process.memoryUsage().heapUsed - before) / customers;

// Nine of ten are known; each text is one that nobody has hashed before, as those of a request are.
const ids = Array.from({ length: lookups }, (_, n) => {
  const id = idOf(Math.floor(Math.random() * customers));
  return n % 10 === 0 ? `029a${id.slice(4)}` : `${id.slice(0, 4)}${id.slice(4)}`;
});
const texts = ids.map((id) => Buffer.from(id).toString('latin1'));

let found = 0;
const timed = (work: () => void): number => {
  const began = performance.now();
  work();
  return ((performance.now() - began) * 1000) / lookups;
};
const ours = () => {
  for (let n = 0; n < lookups; n += 1) found += audience.membershipOfId(texts[n] as string);
};
const theirs = () => {
  for (let n = 0; n < lookups; n += 1) found += map.get(texts[n] as string) ?? 0;
};
timed(ours);
timed(theirs);
const pairs: { ours: number; map: number }[] = [];
for (let n = 0; n < rounds; n += 1) pairs.push({ ours: timed(ours), map: timed(theirs) });
if (found === 0) throw new Error('nobody was found');
console.log(JSON.stringify({ bytes: bytes.length, mapBytesPerCustomer, pairs }));
