/** One content-query node with a shop, and what specs ask it over HTTP. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { ContentQueryOptions } from '../content-query.module.js';
import { Builder, campaign, content, type Edge, type Folders, group, makeFolders, playbook, rule, startEdge, until } from './edge.js';

export const contents = [
  content('plain', { destination: null }),
  content('ten', { width: 728, height: 90, alt: '10 % off' }),
  content('html', { type: 'html', address: null, body: '<b>Hi</b>' }),
  content('script', { type: 'script', address: null, body: 'alert(1)', destination: null }),
  content('umlaut', { address: 'https://cdn.example/ü.png' }),
];
export const segmentIds = ['repeat', 'vip'];
export const members = { ann: ['repeat'], bob: ['repeat', 'vip'], cem: [] };
export const golf = playbook('golf', contents, [
  campaign('spring', [
    rule('r1', 1, { segmentId: 'vip', contentId: 'html' }),
    rule('r2', 2, { segmentId: 'repeat', contentId: 'ten' }),
    rule('r3', 3, { when: { field: 'context.cart_items', op: 'gte', value: 3 }, contentId: 'umlaut' }),
  ]),
  campaign('split', [rule('s1', 1, { groups: [group('control', 5000, null), group('shown', 5000, 'ten')] })]),
  campaign('paused', [rule('r1', 1, { contentId: 'ten' })], { status: 'paused' }),
  campaign('bare', [], { defaultContentId: null }),
  campaign('body', [
    rule('b1', 1, { when: { field: 'request.device', op: 'eq', value: 'mobile' }, contentId: 'script' }),
    rule('b2', 2, { contentId: 'html' }),
  ]),
  campaign('abroad', [rule('de', 1, { when: { field: 'request.country', op: 'eq', value: 'DE' }, contentId: 'ten' })]),
]);
export const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';

export interface AnswerJson {
  decisionId: string;
  customerId: string;
  content: { contentId: string; destination: string | null } | null;
  group: string | null;
  ruleId: string | null;
  segmentId: string | null;
  reason: string;
  audience: string | null;
  playbook: string;
}

export type AskedEdge = ReturnType<typeof askedEdge>;

/** Call within a `describe`: the node starts before its tests and ends behind them. */
export function askedEdge(options: Pick<ContentQueryOptions, 'fastPath'>) {
  let folders: Folders;
  let builder: Builder;
  let edge: Edge;

  beforeAll(async () => {
    folders = await makeFolders();
    builder = await Builder.open(folders);
    edge = await startEdge(folders, { countryHeader: 'cf-ipcountry', ...options });
    await builder.playbook(golf);
    await builder.audience('golf', segmentIds, members);
    await until('the snapshots are loaded', () => edge.tables.of('golf')?.audience != null);
  });
  afterAll(async () => {
    await edge.close();
    await builder.publication.close();
    await folders.remove();
  });

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${edge.url}${path}`, { headers, method, redirect: 'manual' });
  const answer = async (path: string, headers: Record<string, string> = {}): Promise<AnswerJson> => {
    const response = await get(path, headers);
    expect(response.status).toBe(200);
    return (await response.json()) as AnswerJson;
  };
  /** As it stands in the request line: fetch would repair it. */
  const raw = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ status: number; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
      const { hostname, port } = new URL(edge.url);
      httpRequest({ hostname, port, path, headers, method }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      })
        .on('error', reject)
        .end();
    });
  const post = (path: string, body: string | Buffer, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(`${edge.url}${path}`, { method: 'POST', body, headers });
  const errorOf = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code];
  const served = async (decisionId: string) =>
    (await edge.recorded()).find((event) => event.type === 'ContentServed' && event.data['decisionId'] === decisionId);
  const clicksOf = async (decisionId: string) =>
    (await edge.recorded()).filter((event) => event.type === 'ContentClicked' && event.data['decisionId'] === decisionId);

  return {
    get edge() {
      return edge;
    },
    get builder() {
      return builder;
    },
    get,
    answer,
    raw,
    post,
    errorOf,
    served,
    clicksOf,
  };
}
