import type { ContentKind } from '#libs/domain';
import type { Answer } from './answer.js';
import type { Form } from './content-query.js';
import { Refused } from './refused.js';

/** A response, independent of the server that sends it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Record<string, string | readonly string[]>;
  readonly body: string | null;
}

const noStore = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
const json = { ...noStore, 'content-type': 'application/json; charset=utf-8' };

export function jsonAnswer(value: unknown, status = 200): HttpAnswer {
  return { status, headers: { ...json }, body: JSON.stringify(value) };
}

export function refusedAnswer({ status, code, message }: Refused): HttpAnswer {
  const answer = jsonAnswer({ code, message }, status);
  if (status === 503) answer.headers['retry-after'] = '1';
  return answer;
}

export function nothing(): HttpAnswer {
  return { status: 204, headers: { ...noStore }, body: null };
}

export function redirectTo(address: string): HttpAnswer {
  // Written as ASCII, which a header must be; a registered address may hold other letters.
  return {
    status: 302,
    headers: { ...noStore, location: new URL(address).href, 'cross-origin-resource-policy': 'cross-origin' },
    body: null,
  };
}

// Bodies of kinds that are mostly addresses: an image's is SVG, a stream's its playlist; what only a player could guess is left unnamed.
const contentTypes: Readonly<Record<ContentKind, string>> = {
  image: 'image/svg+xml; charset=utf-8',
  script: 'text/javascript; charset=utf-8',
  html: 'text/html; charset=utf-8',
  xml: 'application/xml; charset=utf-8',
  json: 'application/json; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  audio: 'application/octet-stream',
  video: 'application/octet-stream',
  stream: 'application/vnd.apple.mpegurl; charset=utf-8',
  survey: 'text/html; charset=utf-8',
  article: 'text/html; charset=utf-8',
};

/** The forms beside `json`. @throws Refused 406 for a redirect to content without an address. */
export function presented(form: Exclude<Form, 'json'>, { decision }: Answer): HttpAnswer {
  const { content } = decision;
  if (content === null) return nothing();
  switch (form) {
    case 'redirect':
      if (content.address === null)
        throw new Refused(406, 'NO_ADDRESS', `content ${content.contentId} has a body and no address: ask with f=body`);
      return redirectTo(content.address);
    case 'click':
      // A visitor who follows a link that leads nowhere stays on the page.
      return content.destination === null ? nothing() : redirectTo(content.destination);
    case 'body':
      // What stands elsewhere is fetched from there: a node opens no connection for an answer.
      if (content.body === null) return content.address === null ? nothing() : redirectTo(content.address);
      return {
        status: 200,
        headers: {
          ...noStore,
          'content-type': contentTypes[content.type],
          'content-security-policy': 'sandbox allow-scripts',
          'cross-origin-resource-policy': 'cross-origin',
        },
        body: content.body,
      };
  }
}
