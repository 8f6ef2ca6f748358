import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SpooledFact, WrittenFact } from './facts.js';
import { jsonFacts } from './json-facts.js';

const parsed = (fact: SpooledFact | WrittenFact): SpooledFact => {
  if (!('dataJson' in fact)) return fact;
  const { dataJson, metadataJson, ...rest } = fact;
  const data = JSON.parse(dataJson) as SpooledFact['data'];
  return metadataJson === undefined ? { ...rest, data } : { ...rest, data, metadata: JSON.parse(metadataJson) as SpooledFact['data'] };
};
const read = (json: string) => [...jsonFacts(Buffer.from(json))];

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('PageViewed', '\\', '"', 'a\\nb', 'a\nb', '}{', ''));
const object = fc.dictionary(text, fc.jsonValue()) as fc.Arbitrary<SpooledFact['data']>;
const fact: fc.Arbitrary<SpooledFact> = fc.record(
  { category: fc.constantFrom('served', 'behaviour'), clientId: text, type: text, data: object, metadata: object },
  { requiredKeys: ['category', 'clientId', 'type', 'data'] },
);

describe('facts that stand as JSON', () => {
  it('are what a parser makes of them', () => {
    fc.assert(
      fc.property(fc.array(fact, { maxLength: 6 }), fc.boolean(), (facts, spaced) => {
        const json = JSON.stringify(facts, undefined, spaced ? 1 : undefined);
        expect(read(json).map(parsed)).toEqual(JSON.parse(json));
      }),
    );
  });

  it('are left as text where they stand as spools write them', () => {
    const facts = [0, 1].map((n) => ({ category: 'behaviour', clientId: 'golf', type: 'PageViewed', data: { n, text: '}]"\\' } }));
    expect(read(JSON.stringify(facts))).toEqual(facts.map(({ data, ...rest }) => ({ ...rest, dataJson: JSON.stringify(data) })));
  });

  it.each([
    '[{"category":"served","category":"behaviour","clientId":"golf","type":"A","data":{}}]',
    '[{"category":"served","clientId":"golf","type":"A","data":{},"more":1}]',
    '[{"category":"served","clientId":"golf","type":"A","data":{}},{"type":"B","data":{"n":1},"clientId":"tea","category":"served"}]',
    '[{"category":"served","clientId":"golf","type":"A","data":{}}, {"category":"served","clientId":"tea","type":"B","data":{"n":[{}]}}]',
    '[{"category":"served","clientId":"golf","type":"a\\\\nb","data":{}},{"category":"served","clientId":"golf","type":"a\\nbc","data":{}}]',
    '[{"category":"served","clientId":"golf","type":"Ã©","data":{}},{"category":"served","clientId":"golf","type":"é","data":{}}]',
    '[]',
  ])('are parsed where they do not, or stand in another order: %s', (json) => {
    expect(read(json).map(parsed)).toEqual(JSON.parse(json));
  });

  it('are refused where they end in the middle', () => {
    const json = '[{"category":"served","clientId":"golf","type":"A","data":{"n":"x"}}]';
    for (let length = 0; length < json.length; length++) expect(() => read(json.slice(0, length))).toThrow(SyntaxError);
  });
});
