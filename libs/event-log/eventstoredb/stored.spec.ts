import { type ResolvedEvent } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { ForeignEvent } from './failures.js';
import { onePosition, recordedEvent } from './stored.js';

const ours = {
  id: 'a3b5f1de-6d7e-4c0a-9c0e-2f1d3c4b5a69',
  streamId: 'segment-golf.1',
  revision: 4n,
  type: 'SegmentDefined',
  isJson: true,
  data: { n: 1 },
  metadata: { schema: 1 },
  created: new Date(0),
  position: { commit: 70n, prepare: 70n },
};
// The client's types say more than the parts that are read here.
const resolved = (given: object) => ({ event: { ...ours, ...given } }) as unknown as ResolvedEvent;

describe('events as EventStoreDB has them', () => {
  it('has one position for both numbers, and refuses an event that has two', () => {
    expect(recordedEvent(resolved({}))).toMatchObject({ stream: 'segment-golf.1', revision: 4n, position: 70n });
    expect(() => onePosition({ commit: 71n, prepare: 70n })).toThrow(ForeignEvent);
    expect(() => recordedEvent(resolved({ position: { commit: 71n, prepare: 70n } }))).toThrow(/commit 71, prepare 70/);
  });

  it.each<[string, object]>([
    ['metadata of a stream', { streamId: '$$segment-golf.1', type: '$metadata' }],
    ['a tombstone', { type: '$streamDeleted' }],
    ['binary data', { isJson: false, data: new Uint8Array(1) }],
    ['data that is no object', { data: 'text' }],
    ['no metadata', { metadata: undefined }],
    ['binary metadata', { metadata: new Uint8Array(1) }],
  ])('leaves out %s, whatever its positions', (_, given) => {
    expect(recordedEvent(resolved({ ...given, position: { commit: 71n, prepare: 70n } }))).toBeUndefined();
  });
});
