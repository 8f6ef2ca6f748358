/**
 * The audience format beside a plain Map: bytes per customer, time to build and to load, nanoseconds per lookup. 40 segments in 200 distinct
 * sets. Targets: at most 6 bytes per customer, and at most 0.5 µs from the id of a random customer of 10 million to the membership.
 *
 *   npm run build && node --expose-gc dist/test/bench/audience.js [customers …, 1000000 10000000 by default]
 */
import { AudienceBuilder, customerHash, loadAudience, readAudience, trustedAudience } from '#libs/snapshots';

const counts = process.argv.slice(2).map(Number);
const segmentIds = Array.from({ length: 40 }, (_, index) => `segment-${index}`);
const sets = Array.from({ length: 200 }, (_, index) => (BigInt(index) * 0x9e3779b97f4a7c15n) & ((1n << 40n) - 1n));
const lookups = 2_000_000;

const rows = [];
for (const customers of counts.length > 0 ? counts : [1_000_000, 10_000_000]) rows.push(await measure(customers));
console.table(rows);

async function measure(customers: number) {
  const stream = sortedRows(customers);
  const builder = new AudienceBuilder(segmentIds);
  const takeMs = await timed(() => builder.take({ segmentIds, words: 1, chunks: chunksOf(stream) }));
  let image: Uint8Array = new Uint8Array();
  const imageMs = await timed(() => {
    image = builder.image().bytes;
  });
  readAudience(image);
  const loadMs = await timed(() => readAudience(image));
  const pauseMs = await longestPause(async () => {
    await builder.imageInSlices();
    await loadAudience(image);
  });
  // As a node has it: shared memory, and ids that are flat strings of one byte per character.
  const shared = new Uint8Array(new SharedArrayBuffer(image.length));
  shared.set(image);
  const loaded = trustedAudience(shared);
  const ids = Array.from({ length: lookups }, () => flat(idOf(Math.floor(Math.random() * customers))));
  const strangers = ids.map((id) => flat(`x${id.slice(1)}`));
  const hashes = ids.map(customerHash);
  let found = 0;
  const perLookup = async (work: (index: number) => void) => {
    await timed(() => each(work));
    return Math.round(((await timed(() => each(work))) * 1e6) / lookups);
  };
  const each = (work: (index: number) => void) => {
    for (let index = 0; index < lookups; index += 1) work(index);
  };
  const lookupNs = await perLookup((index) => {
    found += loaded.membershipOfId(ids[index]!);
  });
  const unknownNs = await perLookup((index) => {
    found += loaded.membershipOfId(strangers[index]!);
  });
  const withHashNs = await perLookup((index) => {
    found += loaded.membershipOf(hashes[index]!, ids[index]!);
  });
  const before = memory();
  const map = new Map<string, number>();
  for (let index = 0; index < customers; index += 1) map.set(idOf(index), index % sets.length);
  const mapBytes = (memory() - before) / customers;
  const mapNs = await perLookup((index) => {
    found += map.get(ids[index]!)!;
  });
  if (found === 0) throw new Error('nothing was found');
  return {
    customers,
    'bytes per customer': round(image.length / customers),
    'Map: bytes': round(mapBytes),
    'rows taken ms': Math.round(takeMs),
    'image ms': Math.round(imageMs),
    'load and verify ms': Math.round(loadMs),
    'longest pause in slices ms': Math.round(pauseMs),
    'lookup of an id ns': lookupNs,
    'of an unknown ns': unknownNs,
    'with the hash at hand ns': withHashNs,
    'Map: lookup ns': mapNs,
  };
}

/** 36 characters, as ids issued by the system are. */
function idOf(index: number): string {
  return `01939f3c-${index.toString(16).padStart(8, '0')}-7000-8000-000000000000`.slice(0, 36);
}

function flat(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function sortedRows(customers: number): Uint8Array {
  const hashes = new BigUint64Array(customers);
  for (let index = 0; index < customers; index += 1) hashes[index] = customerHash(idOf(index));
  hashes.sort();
  const rows = new BigUint64Array(customers * 2);
  for (let index = 0; index < customers; index += 1) {
    rows[index * 2] = hashes[index]!;
    rows[index * 2 + 1] = sets[Number(hashes[index]! % 200n)]!;
  }
  return new Uint8Array(rows.buffer);
}

/** As they come over HTTP: 64 KiB, cut anywhere. */
async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_531) yield bytes.subarray(at, at + 65_531);
}

async function timed(work: () => unknown): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** The longest time in which nothing else could run. */
async function longestPause(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let running = true;
  const look = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    if (running) setImmediate(look);
  };
  setImmediate(look);
  await work();
  running = false;
  return longest;
}

function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
