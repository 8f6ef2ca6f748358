import { describe, expect, it } from '@jest/globals';
import { expectGolden, goldenFiles } from '../testing/golden.js';
import { contentCodec } from './content-codec.js';

describe('what is stored of contents', () => {
  it.each(goldenFiles(import.meta.url))('reads and writes %s', (name) => expectGolden(contentCodec, import.meta.url, name));

  it('leaves the events of other concepts alone', () => {
    expect(contentCodec.decode({ type: 'PageViewed', schema: 9, data: {} })).toBeUndefined();
  });
});
