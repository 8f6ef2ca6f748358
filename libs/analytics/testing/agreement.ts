import { expect } from '@jest/globals';
import xxhash from 'xxhash-wasm';
import { customersListed } from '#libs/domain';
import type { Analytics, ClientScope } from '../analytics.js';
import type { AnalyticsWriter } from '../analytics-writer.js';
import type { HistoryCase } from './histories.js';
import { fieldsOf, judge, knownCustomers, type OracleEvent } from './oracle.js';
import { project, recorded, recordedEvent } from './recorded.js';

const { h64 } = await xxhash();

const settings = { sampleRate: 1, snapshotIntervalSeconds: 900, snapshotMaxAgeSeconds: null };
/** Later than every time of a case: whatever is recorded counts. */
const laterMs = 2 * 86_400_000;

/**
 * Projects the case's facts as those of a client of its own and requires that the tables answer everything as the oracle does: from the facts alone,
 * with states that some of the facts came after, and with states of everything, as of the case's time and of a time after all.
 */
export async function requireAgreement(
  analytics: Analytics,
  writer: AnalyticsWriter,
  clientId: string,
  first: bigint,
  it: HistoryCase,
): Promise<void> {
  const registered = { clientId, name: clientId, timeZone: it.timeZone, currency: 'USD', origins: [...it.origins], ...settings };
  const events = [
    recordedEvent(clientId, first, 'ClientRegistered', registered),
    ...it.facts.map((fact, index) => recorded(clientId, first + 1n + BigInt(index), fact)),
  ];
  const middle = events.length >> 1;
  await project(writer, events.slice(0, middle));
  if (it.facts.length % 2 === 0) await writer.refreshStates('all');
  await project(writer, events.slice(middle));
  await requireAnswers(analytics, clientId, it, 'each');
  await writer.refreshStates('all');
  await requireAnswers(analytics, clientId, it, 'all');
  await requireAnswers(analytics, clientId, { ...it, asOf: new Date(it.asOf.getTime() + laterMs) }, 'each');
}

/** `each`: some segments one by one, of which some ask what states tell and some do not; `all`: together, and of some customers. */
async function requireAnswers(analytics: Analytics, clientId: string, it: HistoryCase, which: 'each' | 'all'): Promise<void> {
  const { segments, asOf } = it;
  const scope: ClientScope = { clientId, timeZone: it.timeZone, origins: it.origins, currency: 'USD' };
  const question = { events: oracleEvents(it), scope, segments, asOf };
  const segmentIds = Object.keys(segments);
  const expected = new Map(segmentIds.map((id) => [id, judge({ ...question, criteria: segments[id]! })]));

  const known = knownCustomers(question);
  const rowsOf = (ids: readonly string[]) => {
    const listed = ids.flatMap((id) => [...customersListed(segments[id]!, segments)]);
    return [...new Set([...known, ...listed])]
      .map((customerId) => ({ customerId, hash: h64(customerId), segments: ids.filter((id) => expected.get(id)!.has(customerId)) }))
      .sort((a, b) => (a.hash < b.hash ? -1 : 1));
  };
  const requireMemberships = async (ids: readonly string[]) =>
    expect(await memberships(analytics, { scope, segments, segmentIds: ids, asOf })).toEqual(
      rowsOf(ids).map(({ customerId, ...row }) => row),
    );
  if (which === 'each') {
    for (const id of segmentIds.filter((_, index) => index % 4 === it.facts.length % 4)) {
      const { size } = await analytics.preview({ scope, segments, criteria: { segment: id }, asOf });
      expect([id, size]).toEqual([id, expected.get(id)!.size]);
    }
    await requireMemberships(segmentIds.slice(0, 1));
    return;
  }
  await requireMemberships(segmentIds);
  const expectedRows = rowsOf(segmentIds).map(({ customerId, ...row }) => row);
  const everybody = rowsOf(segmentIds).map(({ customerId }) => customerId);

  const some = everybody.filter((_, index) => index % 2 === 0);
  const ofSome = new Set(some.map((customerId) => h64(customerId)));
  expect(await memberships(analytics, { scope, segments, segmentIds, asOf, only: [...some, 'nobody'] })).toEqual(
    expectedRows.filter(({ hash }) => ofSome.has(hash)),
  );

  const segmentId = segmentIds.at(-1)!;
  const members = [...expected.get(segmentId)!].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(await analytics.preview({ scope, segments, criteria: segments[segmentId]!, asOf })).toEqual({
    size: members.length,
    knownMembers: members.filter((customerId) => known.has(customerId)).length,
    knownCustomers: known.size,
    sample: members.slice(0, 10),
  });
  const page = await analytics.customers({ scope, segments, filter: { segment: segmentId }, asOf, after: null, first: 3 });
  expect({ ...page, customers: page.customers.map(({ customerId }) => customerId) }).toEqual({
    customers: members.slice(0, 3),
    hasNext: members.length > 3,
    total: members.length,
  });
  for (const { customerId, fields } of page.customers) {
    const shown = Object.fromEntries(Object.entries(fields).filter(([name]) => !name.startsWith('attributes.')));
    expect(shown).toEqual(fieldsOf(customerId, question));
  }
}

async function memberships(analytics: Analytics, query: Parameters<Analytics['audience']>[0]) {
  const { chunks, words } = await analytics.audience(query);
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const bytes = Buffer.concat(parts);
  const rowBytes = 8 + 8 * words;
  return Array.from({ length: bytes.length / rowBytes }, (_, row) => {
    const at = row * rowBytes;
    const isIn = (index: number): boolean => ((bytes[at + 8 + (index >> 3)] ?? 0) & (1 << (index & 7))) !== 0;
    return { hash: bytes.readBigUInt64LE(at), segments: query.segmentIds.filter((_, index) => isIn(index)) };
  });
}

/** The oracle is told what counts: of messages sent again the first. */
function oracleEvents({ facts }: HistoryCase): OracleEvent[] {
  const seen = new Set<string>();
  return facts.flatMap((fact, position): OracleEvent[] => {
    if (!('type' in fact)) return [{ ...fact, type: 'Content Served', position }];
    const key = JSON.stringify([fact.type, fact.messageId]);
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ ...fact, position }];
  });
}
