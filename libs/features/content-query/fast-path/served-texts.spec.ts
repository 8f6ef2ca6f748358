import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ServedShare, servedFactOf } from '../recording.js';
import { type HeadShare, ServedTexts } from './served-texts.js';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', 'decisionId', '0001-01-01T00:00:00.000Z', '$&'),
);
const nullable = fc.option(text);
const share = fc.record(
  {
    clientId: text,
    campaignId: text,
    contentId: nullable,
    segmentId: nullable,
    ruleId: nullable,
    group: nullable,
    reason: fc.constantFrom('TARGETING_MATCH', 'SPLIT', 'DEFAULT'),
    playbook: text,
    audience: nullable,
    audienceBuiltAt: text,
    sampleRate: fc.double({ noNaN: true, noDefaultInfinity: true }),
    form: fc.constant('json'),
  },
  {
    requiredKeys: [
      'clientId',
      'campaignId',
      'contentId',
      'segmentId',
      'ruleId',
      'group',
      'reason',
      'playbook',
      'audience',
      'sampleRate',
      'form',
    ],
  },
) as fc.Arbitrary<ServedShare>;
const head = fc.record({ device: fc.constantFrom('desktop', 'bot'), browser: nullable, country: nullable }) as fc.Arbitrary<
  Omit<HeadShare, 'page'>
>;
const own = fc.record({
  decisionId: text,
  customerId: text,
  sessionId: nullable,
  placementId: nullable,
  time: fc.integer({ min: 0, max: 4e12 }),
  url: nullable,
  referrer: nullable,
  context: fc.dictionary(text, text),
});

describe('the JSON of an answer', () => {
  it('is that of the fact which any other answer leaves, byte for byte', () => {
    fc.assert(
      fc.property(share, head, fc.array(own, { minLength: 1, maxLength: 4 }), (share, head, answers) => {
        const texts = new ServedTexts(share, { ...head, page: null });
        for (const { url, referrer, context, time, ...rest } of answers) {
          const { data } = servedFactOf(share, { ...rest, time, request: { url, referrer, ...head, context } });
          const json = texts.json({
            decisionId: JSON.stringify(rest.decisionId),
            customerId: JSON.stringify(rest.customerId),
            sessionId: JSON.stringify(rest.sessionId),
            placementId: JSON.stringify(rest.placementId),
            time: JSON.stringify(new Date(time)),
            url: JSON.stringify(url),
            referrer: JSON.stringify(referrer),
            context: JSON.stringify(context),
          });
          expect(json).toBe(JSON.stringify(data));
        }
      }),
    );
  });
});
