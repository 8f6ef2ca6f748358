import {
  type CustomerId,
  type Decision,
  decideIn,
  type PreparedGroups,
  type RequestFacts,
  type SessionId,
  unknownCustomer,
} from '#libs/domain';
import { hashIdBytes, idHash } from '#libs/snapshots';
import type { Answering, AnsweringParts } from '../answering.js';
import type { ClientTables } from '../client-tables.js';
import type { HttpAnswer } from '../http-answer.js';
import { idText } from '../ids.js';
import { reasonIndex } from '../metrics.js';
import { isSampledId } from '../recording.js';
import { Asked } from './asked.js';
import type { ReadBytes } from './bytes.js';
import { type Head, type Heads } from './heads.js';
import { DateHeader, responseBytes } from './http-response.js';
import { RequestReader } from './request-reader.js';
import { fill, type IdBytes, type ResponseTemplate, responseTemplate } from './response-template.js';
import { type DecisionTemplates, type Route, Routes } from './routes.js';

export interface FastAnswersOptions extends AnsweringParts {
  readonly answering: Answering;
  readonly heads: Heads;
  readonly answersOrRefusals: (work: () => HttpAnswer) => HttpAnswer;
  readonly crossOrigin: (target: string, origin: string | undefined) => Record<string, string>;
  readonly keepAliveSeconds: number;
}

/** One of so many answers is timed. */
const timedEvery = 64;
const templatesPerSiteMax = 1_024;
const sitesPerDecisionMax = 256;
const noId = Buffer.alloc(0);

/**
 * Answers the content queries that `RequestReader` recognises. Nearly all of them are a template with new ids; what is out of the ordinary – a new
 * customer, another form, an id that JSON has to escape, a refusal – goes through `Answering` as everywhere, and is only written here.
 */
export class FastAnswers {
  /** The whole response to what was read last. Holds until the next `read`. */
  response: Buffer = Buffer.alloc(0);
  /** The head of what was read last: that connection's next request probably has the same. */
  head: Head | undefined;
  /** How many were answered, by way. */
  prepared = 0;
  composed = 0;
  private readonly reader: RequestReader;
  private readonly routes: Routes;
  private readonly date = new DateHeader();
  private readonly asked: Asked;
  private readonly customer: IdBytes = { bytes: noId, begin: 0, end: 0 };
  private readonly session: IdBytes = { bytes: noId, begin: 0, end: 0 };
  private readonly groupKey = new Uint8Array(512);
  private route: Route | undefined;
  private input: ReadBytes | undefined;
  private template: ResponseTemplate | undefined;
  private templateOf: Map<number, ResponseTemplate> | undefined;
  private templateKey = 0;
  private untimed = 0;

  constructor(private readonly options: FastAnswersOptions) {
    this.reader = new RequestReader(options.heads);
    this.asked = new Asked(this.reader);
    this.routes = new Routes(options.metrics);
  }

  /** The index behind the request that begins at `from`, answered in `response`; or `incomplete`, `unrecognised`. */
  read(input: ReadBytes, from: number, earlier: Head | undefined): number {
    const behind = this.reader.read(input, from, earlier);
    if (behind < 0) return behind;
    this.head = this.reader.head;
    if (++this.untimed < timedEvery) {
      this.answer(input);
      return behind;
    }
    this.untimed = 0;
    const began = performance.now();
    this.answer(input);
    this.options.metrics.took((performance.now() - began) / 1000, timedEvery);
    return behind;
  }

  /** The response's buffer is still being sent: it is not written again. */
  surrender(): void {
    if (this.template?.bytes === this.response) this.templateOf?.delete(this.templateKey);
  }

  private answer(input: ReadBytes): void {
    this.input = input;
    const time = this.options.clock();
    this.date.at(time);
    if (this.reader.isPlain && this.answerPlain(input, time)) this.prepared += 1;
    else {
      this.composed += 1;
      this.answerAny();
    }
  }

  /** The way of every other query, as far as it goes. */
  private answerAny(): void {
    const { answering, answersOrRefusals, crossOrigin, keepAliveSeconds } = this.options;
    const { head } = this;
    if (head === undefined) return;
    const target = this.target();
    const answer = answersOrRefusals(() => answering.query(target, head.caller));
    this.template = undefined;
    this.response = responseBytes(crossOrigin(target, head.origin), answer, this.date.text, keepAliveSeconds);
  }

  private readonly target = (): string => {
    const { targetBegin, targetEnd } = this.reader;
    return this.input?.bytes.toString('latin1', targetBegin, targetEnd) ?? '';
  };

  /** False, and nothing done, when the answer takes more than a template. */
  private answerPlain(input: ReadBytes, time: number): boolean {
    const { reader, asked, customer } = this;
    const head = this.head as Head;
    const route = this.routes.at(input.bytes, reader.routeBegin, reader.routeEnd, reader.routeHash);
    const tables = route && this.options.tables.of(route.clientId);
    if (route === undefined || tables === undefined) return false;
    if (tables !== route.tables) route.take(tables);
    const { campaign } = route;
    if (campaign === undefined || !this.identify(input.bytes, route, head)) return false;
    let placement = -1;
    if (reader.placementEnd > 0) {
      placement = route.placementAt(input.bytes, reader.placementBegin, reader.placementEnd);
      if (placement < 0) return false;
    }
    this.route = route;
    asked.set(time, route.placementId(placement), head, input.bytes);
    const { audience } = tables;
    let decision: Decision;
    if (audience === null) decision = decideIn(campaign, unknownCustomer, asked, false, this.bucket);
    else {
      hashIdBytes(customer.bytes, customer.begin, customer.end);
      const membership = audience.lookup.membershipOfHash(idHash[0]!, idHash[1]!, audience.lookup.asksForIds ? textOf(customer) : '');
      decision = decideIn(campaign, membership, asked, time - audience.builtAtMs > tables.audienceAgeMaxMs, this.bucket);
    }
    const template = this.templateFor(decision, placement, head);
    const { ids } = this.options;
    ids.draw(this.options.clock());
    fill(template, ids.bytes, customer, this.session.end === 0 ? null : this.session, this.date);
    this.response = template.bytes;
    if (isSampledId(ids.bytes, tables.plan.playbook.sampleRate)) this.record(tables, decision);
    return true;
  }

  /** Whether the request or its cookies say who asks, in bytes that JSON and tokens take as they are. */
  private identify(bytes: Buffer, { clientId }: Route, head: Head): boolean {
    const { reader, customer, session } = this;
    const kept = head.caller.cookie === undefined ? undefined : head.kept(clientId);
    if (kept !== undefined && !kept.simple) return false;
    if (reader.sessionEnd > 0) set(session, bytes, reader.sessionBegin, reader.sessionEnd);
    else set(session, kept?.session ?? noId, 0, kept?.session?.length ?? 0);
    if (reader.customerEnd > 0) {
      set(customer, bytes, reader.customerBegin, reader.customerEnd);
      return true;
    }
    // A customer or a session has to be made up.
    if (kept === undefined || kept.customer === null || session.end === 0) return false;
    set(customer, kept.customer, 0, kept.customer.length);
    return true;
  }

  /** As `bucketOf` of the domain, of bytes. */
  private readonly bucket = (groups: PreparedGroups): number => {
    const { groupKey, customer } = this;
    const prefix = (this.route as Route).prefixOf(groups);
    let length = 0;
    for (; length < prefix.length; length++) groupKey[length] = prefix[length]!;
    for (let from = customer.begin; from < customer.end; from++) groupKey[length++] = customer.bytes[from]!;
    hashIdBytes(groupKey, 0, length);
    // (high · 2^32 + low) mod 10000, where 2^32 mod 10000 is 7296: all of it below 2^53.
    return (((idHash[1]! >>> 0) % 10_000) * 7_296 + (idHash[0]! >>> 0)) % 10_000;
  };

  private templateFor(decision: Decision, placement: number, head: Head): ResponseTemplate {
    const route = this.route as Route;
    const templates = this.templatesOf(route, decision, head.site);
    const { customer, session } = this;
    // Lengths are at most 64, and there are at most 64 placements.
    const key = ((placement + 1) << 14) | ((customer.end - customer.begin) << 7) | (session.end - session.begin);
    route.counts[this.reason]! += 1;
    this.templateOf = templates;
    this.templateKey = key;
    let template = templates.get(key);
    if (template === undefined) {
      template = this.templateMade(route, decision, placement, head);
      if (templates.size >= templatesPerSiteMax) templates.clear();
      templates.set(key, template);
    }
    this.template = template;
    return template;
  }

  private record(tables: ClientTables, decision: Decision): void {
    const { asked, customer, session, route } = this;
    const answer = {
      decisionId: idText(this.options.ids.bytes),
      tables,
      campaignId: (route as Route).campaignId,
      customerId: textOf(customer),
      sessionId: session.end === 0 ? null : textOf(session),
      request: factsOf(asked),
      decision,
    };
    this.options.answering.recordSampled(answer, 'json');
  }

  private reason = 0;

  private templatesOf(route: Route, decision: Decision, site: number): Map<number, ResponseTemplate> {
    let own: DecisionTemplates | undefined = route.decisions.get(decision);
    if (own === undefined) {
      own = { reason: reasonIndex[decision.reason], site: -1, templates: new Map(), bySite: new Map() };
      route.decisions.set(decision, own);
    }
    this.reason = own.reason;
    if (own.site === site) return own.templates;
    let templates = own.bySite.get(site);
    if (templates === undefined) {
      templates = new Map();
      if (own.bySite.size >= sitesPerDecisionMax) own.bySite.clear();
      own.bySite.set(site, templates);
    }
    own.site = site;
    own.templates = templates;
    return templates;
  }

  private templateMade(route: Route, decision: Decision, placement: number, head: Head): ResponseTemplate {
    const { clicks, keepAliveSeconds, crossOrigin } = this.options;
    const { customer, session } = this;
    const filler = (length: number) => 'x'.repeat(length);
    const answer = {
      decisionId: filler(36),
      tables: route.tables as ClientTables,
      campaignId: route.campaignId,
      customerId: filler(customer.end - customer.begin) as CustomerId,
      sessionId: session.end === 0 ? null : (filler(session.end - session.begin) as SessionId),
      request: { ...emptyRequest, placementId: route.placementId(placement) },
      decision,
    };
    return responseTemplate(answer, clicks, head.caller.base, crossOrigin(this.target(), head.origin), this.date, keepAliveSeconds);
  }
}

/** What an answer's JSON takes from the request is its placement. */
const emptyRequest = { time: 0, url: null, referrer: null, device: 'desktop', browser: null, country: null, context: {} } as const;

/** As an object of its own. */
function factsOf({ time, url, referrer, placementId, device, browser, country, context }: Asked): RequestFacts {
  return { time, url, referrer, placementId, device, browser, country, context };
}

function set(id: IdBytes, bytes: Buffer, begin: number, end: number): void {
  id.bytes = bytes;
  id.begin = begin;
  id.end = end;
}

function textOf({ bytes, begin, end }: IdBytes): string {
  return bytes.toString('latin1', begin, end);
}
