import { describe, expect, it } from '@jest/globals';
import { expectGolden, goldenFiles } from '../testing/golden.js';
import { clientCodec } from './client-codec.js';

describe('what is stored of clients', () => {
  it.each(goldenFiles(import.meta.url))('reads and writes %s', (name) => expectGolden(clientCodec, import.meta.url, name));

  it('leaves the events of other concepts alone', () => {
    expect(clientCodec.decode({ type: 'PageViewed', schema: 9, data: {} })).toBeUndefined();
  });
});
