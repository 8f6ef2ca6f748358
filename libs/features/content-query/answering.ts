/** The content query, from a parsed request to the response: memory only, nothing awaited, no framework. */

import {
  type CampaignId,
  type ClientId,
  type CustomerId,
  type PlacementId,
  parseClientId,
  type RequestFacts,
  type SessionId,
} from '#libs/domain';
import type { FactQueue, SpooledFact } from '#libs/spool';
import { type Answer, answerJson, clickOn } from './answer.js';
import type { ClickAddresses } from './click-address.js';
import { type ClientTables, decideFor } from './client-tables.js';
import { pageUrl, parseBatchQuery, parseContentQuery, parsePath, type Slot, type Visit } from './content-query.js';
import type { Devices } from './devices.js';
import { type HttpAnswer, jsonAnswer, presented, redirectTo } from './http-answer.js';
import { type Identity, identify } from './identity.js';
import type { IdSource } from './ids.js';
import { urlBytesMax } from './limits.js';
import type { ContentQueryMetrics } from './metrics.js';
import { clickedFact, isSampled, servedFact } from './recording.js';
import { Refused } from './refused.js';

/** Who asks, as far as the connection and its headers say it. */
export interface Caller {
  /** A HEAD request: nothing is recorded, and no cookie is set. */
  readonly looksOnly: boolean;
  /** A browser that follows a link ahead of its user: no click yet. */
  readonly prefetches: boolean;
  readonly secure: boolean;
  /** How this caller reaches the edge, such as `https://shop.example`; click addresses begin with it. */
  readonly base: string;
  readonly cookie: string | undefined;
  readonly userAgent: string | undefined;
  readonly referer: string | undefined;
  /** ISO 3166-1 alpha-2 from the trusted proxy, upper case. */
  readonly country: string | null;
}

/** What the answers are made from; `ServingTables` in a node. */
export interface TablesOfClients {
  of(clientId: string): ClientTables | undefined;
  /** Whether the client's playbook, or a newer one, may still come: then a node answers 503 and not 404 for what it does not know. */
  mayStillCome(clientId: string): boolean;
}

/** What answers are made with. */
export interface AnsweringParts {
  readonly tables: TablesOfClients;
  readonly facts: Pick<FactQueue, 'offer'>;
  readonly clicks: ClickAddresses;
  readonly devices: Devices;
  readonly metrics: ContentQueryMetrics;
  readonly ids: IdSource;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export class Answering {
  private readonly tables: TablesOfClients;
  private readonly facts: Pick<FactQueue, 'offer'>;
  private readonly clicks: ClickAddresses;
  private readonly devices: Devices;
  private readonly metrics: ContentQueryMetrics;
  private readonly clock: () => number;
  private readonly newId: () => string;

  constructor({ tables, facts, clicks, devices, metrics, ids, clock }: AnsweringParts) {
    this.tables = tables;
    this.facts = facts;
    this.clicks = clicks;
    this.devices = devices;
    this.metrics = metrics;
    this.clock = clock;
    this.newId = () => ids.next(clock());
  }

  /** `GET /q/{clientId}/{campaignId}`. @throws Refused. */
  query(target: string, caller: Caller): HttpAnswer {
    const query = parseContentQuery(target);
    const tables = this.tablesOf(query.clientId);
    const who = identify(query.clientId, query, caller.cookie, caller.secure, this.newId);
    const request = this.requestFacts(query, caller);
    const answer = this.decide(tables, query.campaignId, query.placementId, who, request);
    const response = query.form === 'json' ? jsonAnswer(answerJson(answer, this.clicks, caller.base)) : presented(query.form, answer);
    if (caller.looksOnly) return response;
    if (query.form !== 'click') this.recordServed(answer, query.form);
    else if (who.brought && !caller.prefetches) this.recordClickOn(answer);
    return withCookies(response, who);
  }

  /** `POST /q/{clientId}`. @throws Refused. */
  batch(target: string, body: Uint8Array, caller: Caller): HttpAnswer {
    const { clientId, campaignId } = parsePath(target);
    if (campaignId !== null)
      throw new Refused(405, 'METHOD_NOT_ALLOWED', 'one campaign is asked with GET; POST /q/{clientId} asks for slots');
    const query = parseBatchQuery(body);
    const tables = this.tablesOf(clientId);
    const who = identify(clientId, query, caller.cookie, caller.secure, this.newId);
    const request = this.requestFacts({ ...query, placementId: null }, caller);
    const decisions = query.slots.map((slot) => this.slot(tables, slot, who, request, caller));
    return withCookies(jsonAnswer({ customerId: who.customerId, decisions }), who);
  }

  /** `GET /k/{token}`: anything but a token of ours is 404, never a redirect. @throws Refused. */
  click(target: string, caller: Caller): HttpAnswer {
    if (target.length > urlBytesMax) throw new Refused(414, 'URL_TOO_LONG', `the address is longer than ${urlBytesMax} bytes`);
    const path = target.split('?', 1)[0] ?? '';
    const clicked = this.clicks.read(path.slice('/k/'.length));
    const clientId = clicked && parseClientId(clicked.clientId);
    if (clicked === undefined || clientId === undefined)
      throw new Refused(404, 'CLICK_ADDRESS_UNKNOWN', 'this is no click address of ours');
    if (!caller.looksOnly && !caller.prefetches) this.recordClick(clientId, clickedFact(clicked, this.clock(), 'address'));
    return redirectTo(clicked.destination);
  }

  /** The client's declared origins, which may send cookies; none for a client that is not known here. */
  originsOf(clientId: string): readonly string[] {
    return this.tables.of(clientId)?.plan.playbook.origins ?? [];
  }

  private tablesOf(clientId: ClientId): ClientTables {
    const tables = this.tables.of(clientId);
    if (tables !== undefined) return tables;
    if (this.tables.mayStillCome(clientId)) throw new Refused(503, 'NO_SNAPSHOT_YET', `no playbook of client ${clientId} is here yet`);
    throw new Refused(404, 'CLIENT_UNKNOWN', `there is no client ${clientId}`);
  }

  private requestFacts(visit: Visit & { placementId: PlacementId | null }, caller: Caller): RequestFacts {
    const { device, browser } = this.devices.of(caller.userAgent);
    return {
      time: this.clock(),
      // An <img> or a link says its page in the Referer header only.
      url: visit.url ?? (caller.referer === undefined || caller.referer === '' ? null : pageUrl(caller.referer)),
      referrer: visit.referrer,
      placementId: visit.placementId,
      device,
      browser,
      country: caller.country,
      context: visit.context,
    };
  }

  private decide(
    tables: ClientTables,
    campaignId: CampaignId,
    placementId: PlacementId | null,
    who: { customerId: CustomerId; sessionId: SessionId | null },
    asked: RequestFacts,
  ): Answer {
    const request = asked.placementId === placementId ? asked : { ...asked, placementId };
    const decision = decideFor(tables, campaignId, who.customerId, request);
    if (decision === undefined) {
      if (this.tables.mayStillCome(tables.clientId)) {
        throw new Refused(503, 'NO_SNAPSHOT_YET', `the newest playbook of client ${tables.clientId} is not here yet`);
      }
      throw new Refused(404, 'CAMPAIGN_UNKNOWN', `client ${tables.clientId} has no campaign ${campaignId}`);
    }
    this.metrics.answered(tables.clientId, decision.reason);
    return { decisionId: this.newId(), tables, campaignId, customerId: who.customerId, sessionId: who.sessionId, request, decision };
  }

  private slot(tables: ClientTables, slot: Slot, who: Identity, request: RequestFacts, caller: Caller) {
    try {
      if ('refused' in slot) throw slot.refused;
      const answer = this.decide(tables, slot.campaignId, slot.placementId, who, request);
      this.recordServed(answer, 'batch');
      return answerJson(answer, this.clicks, caller.base);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.metrics.refused(error.code);
      const given = 'refused' in slot ? (slot.given as Record<string, unknown> | null) : slot;
      const text = (value: unknown) => (typeof value === 'string' ? value : null);
      return {
        campaignId: text(given?.['campaignId']),
        placementId: text(given?.['placementId']),
        error: { code: error.code, message: error.message },
      };
    }
  }

  private recordServed(answer: Answer, form: 'json' | 'redirect' | 'body' | 'batch'): void {
    if (isSampled(answer.decisionId, answer.tables.plan.playbook.sampleRate)) this.recordSampled(answer, form);
  }

  /** Offers an answer that is in the client's sample. */
  recordSampled(answer: Answer, form: 'json' | 'redirect' | 'body' | 'batch'): void {
    this.offer(servedFact(answer, form));
  }

  private recordClickOn(answer: Answer): void {
    const { content } = answer.decision;
    if (content === null || content.destination === null) return;
    this.recordClick(
      answer.tables.clientId,
      clickedFact(clickOn(answer, content.contentId, content.destination), answer.request.time, 'form'),
    );
  }

  private recordClick(clientId: string, fact: SpooledFact): void {
    if (this.offer(fact)) this.metrics.clicked(clientId);
  }

  private offer(fact: SpooledFact): boolean {
    const taken = this.facts.offer(fact);
    if (!taken) this.metrics.recordDropped(fact.clientId);
    return taken;
  }
}

function withCookies(response: HttpAnswer, { cookies }: Identity): HttpAnswer {
  if (cookies.length > 0) response.headers['set-cookie'] = cookies;
  return response;
}
