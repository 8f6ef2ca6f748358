import { randomUUID } from 'node:crypto';
import { type ServedShare, servedFactOf } from '../recording.js';

/** What the head of a request says for all answers to it. */
export type HeadShare = Pick<Parameters<typeof servedFactOf>[1]['request'], 'device' | 'browser' | 'country'> & {
  /** The page, for a request that names none. */
  readonly page: string | null;
};

/** What an answer has for itself, each as its JSON. */
export interface OwnTexts {
  readonly decisionId: string;
  readonly customerId: string;
  readonly sessionId: string;
  readonly placementId: string;
  readonly time: string;
  readonly url: string;
  readonly referrer: string;
  readonly context: string;
}

const own = ['decisionId', 'customerId', 'sessionId', 'placementId', 'url', 'referrer'] as const;
// Nothing that is recorded holds these by chance.
const salt = randomUUID();
const markOf = (name: (typeof own)[number]) => `${name} ${salt}`;
const markedTime = Date.UTC(1, 0, 1);
const marks = new RegExp(`"(${own.join('|')}) ${salt}"|"(time)":"${new Date(markedTime).toISOString()}"|\\{"(context) ${salt}":""\\}`, 'g');

/**
 * The JSON of the facts of answers that share a decision and a head, which is made once, by `servedFactOf`, and cut where the answers differ: 1 µs each, where
 * an object and its JSON cost twelve.
 */
export class ServedTexts {
  private readonly begin: string;
  private readonly parts: readonly { readonly name: keyof OwnTexts; readonly after: string }[];

  constructor(share: ServedShare, { device, browser, country }: HeadShare) {
    const request = { url: markOf('url'), referrer: markOf('referrer'), device, browser, country, context: { [`context ${salt}`]: '' } };
    const [decisionId, customerId, sessionId, placementId] = own.slice(0, 4).map(markOf as (name: string) => string) as [
      string,
      string,
      string,
      string,
    ];
    const { data } = servedFactOf(share, { decisionId, customerId, sessionId, placementId, time: markedTime, request });
    const text = JSON.stringify(data);
    const found = [...text.matchAll(marks)];
    this.begin = text.slice(0, found[0]?.index);
    this.parts = found.map((match, index) => {
      // The one of the three that has been found.
      const name = (match[1] ?? match[2] ?? match[3]) as keyof OwnTexts;
      return { name, after: text.slice(match.index + match[0].length, found[index + 1]?.index) };
    });
  }

  json(texts: OwnTexts): string {
    let text = this.begin;
    for (const { name, after } of this.parts) text += (name === 'time' ? `"time":${texts.time}` : texts[name]) + after;
    return text;
  }
}
