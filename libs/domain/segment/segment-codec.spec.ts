import { describe, expect, it } from '@jest/globals';
import { expectGolden, goldenFiles } from '../testing/golden.js';
import { segmentCodec } from './segment-codec.js';

describe('what is stored of segments', () => {
  it.each(goldenFiles(import.meta.url))('reads and writes %s', (name) => expectGolden(segmentCodec, import.meta.url, name));

  it('leaves the events of other concepts alone', () => {
    expect(segmentCodec.decode({ type: 'PageViewed', schema: 9, data: {} })).toBeUndefined();
  });
});
