import { describe, expect, it } from '@jest/globals';
import { expectGolden, goldenFiles } from '../testing/golden.js';
import { campaignCodec } from './campaign-codec.js';

describe('what is stored of campaigns', () => {
  it.each(goldenFiles(import.meta.url))('reads and writes %s', (name) => expectGolden(campaignCodec, import.meta.url, name));

  it('leaves the events of other concepts alone', () => {
    expect(campaignCodec.decode({ type: 'PageViewed', schema: 9, data: {} })).toBeUndefined();
  });
});
