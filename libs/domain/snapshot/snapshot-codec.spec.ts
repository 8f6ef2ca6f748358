import { describe, expect, it } from '@jest/globals';
import { expectGolden, goldenFiles } from '../testing/golden.js';
import { snapshotCodec } from './snapshot-codec.js';

describe('what is stored of snapshots', () => {
  it.each(goldenFiles(import.meta.url))('reads and writes %s', (name) => expectGolden(snapshotCodec, import.meta.url, name));

  it('leaves the events of other concepts alone', () => {
    expect(snapshotCodec.decode({ type: 'PageViewed', schema: 9, data: {} })).toBeUndefined();
  });
});
