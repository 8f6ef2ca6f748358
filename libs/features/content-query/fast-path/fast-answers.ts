import {
  type CustomerId,
  type Decision,
  decideIn,
  type PreparedCampaign,
  type PreparedGroups,
  type SessionId,
  unknownCustomer,
} from '#libs/domain';
import { type Conversation, DateHeader, type ReadBytes, type Recogniser, readBytes, responseBytes, unrecognised } from '#libs/plain-http';
import { hashIdBytes, idHash } from '#libs/snapshots';
import type { Answering, AnsweringParts } from '../answering.js';
import type { ClientTables } from '../client-tables.js';
import type { HttpAnswer } from '../http-answer.js';
import { idText } from '../ids.js';
import { reasonIndex } from '../metrics.js';
import { isSampledId, servedShare } from '../recording.js';
import { Asked } from './asked.js';
import { type BatchHead, BatchResponse, batchHead } from './batch-response.js';
import { type Head, type Heads } from './heads.js';
import { type PackedAnswers, type PlainAnswer, type SharedPart, sharedPart, shareOfDecision, type Target } from './packed-answers.js';
import { RequestReader } from './request-reader.js';
import { fill, type IdBytes, type ResponseTemplate, responseTemplate, slotTemplate } from './response-template.js';
import { type DecisionTemplates, type Route, Routes } from './routes.js';
import { SlotsReader } from './slots-reader.js';

export interface FastAnswersOptions extends AnsweringParts {
  readonly answering: Answering;
  readonly heads: Heads;
  readonly answersOrRefusals: (work: () => HttpAnswer) => HttpAnswer;
  readonly crossOrigin: (target: string, origin: string | undefined) => Record<string, string>;
  readonly keepAliveSeconds: number;
  readonly recorder: PackedAnswers;
  /** Told of faults of ours. */
  readonly report: (message: string, error: unknown) => void;
}

/** What is recorded of a slot. */
interface SlotAnswer {
  readonly decision: IdBytes;
  of: DecisionTemplates | undefined;
  isRecorded: boolean;
}

/** One of so many answers is timed. */
const timedEvery = 64;
const templatesPerSiteMax = 1_024;
const sitesPerDecisionMax = 256;
/** Of a template's key: it is a slot's. */
const ofSlot = 1 << 24;
const noId = readBytes(0);
const noDecision = new Uint8Array(16);

/**
 * Answers the content queries that `RequestReader` recognises. Nearly all of them are a template with new ids; what is out of the ordinary – a new
 * customer, another form, an id that JSON has to escape, a refusal – goes through `Answering` as everywhere, and is only written here.
 */
export class FastAnswers implements Recogniser {
  /** The whole response to what was read last. Holds until the next `read`. */
  response: Buffer = Buffer.alloc(0);
  /** The head of what was read last: that connection's next request probably has the same. */
  head: Head | undefined;
  /** How many were answered, by way. */
  prepared = 0;
  composed = 0;
  private readonly reader: RequestReader;
  private readonly slots = new SlotsReader();
  private readonly batch = new BatchResponse();
  private readonly routes: Routes;
  private readonly date = new DateHeader();
  private readonly asked: Asked;
  private readonly customer: IdBytes = { ...noId, begin: 0, end: 0 };
  private readonly session: IdBytes = { ...noId, begin: 0, end: 0 };
  private readonly decision: IdBytes;
  private readonly groupKey = new Uint8Array(512);
  private route: Route | undefined;
  private placement = -1;
  private targetBegin = 0;
  private targetEnd = 0;
  private input: ReadBytes | undefined;
  private readonly plain: { -readonly [Name in keyof PlainAnswer]: PlainAnswer[Name] };
  private templates: DecisionTemplates | undefined;
  private template: ResponseTemplate | undefined;
  private templateOf: Map<number, ResponseTemplate> | undefined;
  private templateKey = 0;
  private readonly slotAnswers: SlotAnswer[] = [];
  private untimed = 0;

  constructor(private readonly options: FastAnswersOptions) {
    this.reader = new RequestReader(options.heads);
    this.asked = new Asked(this.reader);
    const { bytes } = options.ids;
    const decision = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.decision = { bytes: decision, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), begin: 0, end: bytes.length };
    const { customer, session } = this;
    const none = sharedPart(null);
    this.plain = { decision: none, head: none, time: 0, decisionId: this.decision, customer, session };
    this.routes = new Routes(options.metrics, options.tables);
  }

  begin(): Conversation {
    return new QueryConversation(this);
  }

  /** After `incomplete`: the bytes of the whole request; 0 where that is not known yet. */
  get needs(): number {
    return this.reader.needs;
  }

  /**
   * The index behind the request that begins at `from`, answered in `response`; or `incomplete`, `unrecognised`. `earlier`: its connection's last head. A
   * fault of ours must not end the process, as it would in a callback of a socket: it is told, and the HTTP server answers.
   */
  read(input: ReadBytes, from: number, earlier: Head | undefined): number {
    try {
      return this.readAndAnswer(input, from, earlier);
    } catch (error) {
      this.options.report('a content query goes the common way', error);
      return unrecognised;
    }
  }

  private readAndAnswer(input: ReadBytes, from: number, earlier: Head | undefined): number {
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
    else this.batch.surrender(this.response);
  }

  private answer(input: ReadBytes): void {
    const { reader } = this;
    this.input = input;
    this.targetBegin = reader.targetBegin;
    this.targetEnd = reader.targetEnd;
    const time = this.options.clock();
    this.date.at(time);
    if (reader.hasBody ? this.answerSlots(input, time) : this.answerPlain(input, time)) {
      this.prepared += 1;
      return;
    }
    this.composed += 1;
    const { answering, heads } = this.options;
    const caller = () => heads.caller(this.head as Head, input);
    if (reader.hasBody) {
      this.answerAny(() => answering.batch(this.target(), input.bytes.subarray(reader.bodyBegin, reader.bodyEnd), caller()));
    } else this.answerAny(() => answering.query(this.target(), caller()));
  }

  /** The way of every other query, as far as it goes. */
  private answerAny(work: () => HttpAnswer): void {
    const { answersOrRefusals, crossOrigin, keepAliveSeconds } = this.options;
    const answer = answersOrRefusals(work);
    this.template = undefined;
    this.response = responseBytes(crossOrigin(this.target(), this.head?.origin), answer, this.date.text, keepAliveSeconds);
  }

  private readonly target = (): string => this.input?.bytes.toString('latin1', this.targetBegin, this.targetEnd) ?? '';

  /** False, and nothing done, when the answer takes more than a template. */
  private answerPlain(input: ReadBytes, time: number): boolean {
    const query = this.withPage(input);
    if (query === undefined || !this.reader.isPlain || !this.prepare(query)) return false;
    const template = this.decide(query, time, 0);
    const { share, reason } = this.templates as DecisionTemplates;
    if (this.isRecorded()) this.record(query, this.reader, time, share, this.decision);
    (this.route as Route).counts[reason]! += 1;
    this.template = template;
    this.response = template.bytes;
    return true;
  }

  /** Where the query stands, with its page: an <img> or a link says it in the `Referer` only. */
  private withPage(input: ReadBytes): ReadBytes | undefined {
    const { reader, slots } = this;
    const { refererBegin, refererEnd } = this.options.heads.values;
    if (!reader.isPlain || reader.urlEnd > 0 || refererEnd === refererBegin) return input;
    const page = slots.withPage(input, reader.targetBegin, reader.targetEnd, reader.routeEnd, refererBegin, refererEnd);
    if (page < 0) return undefined;
    reader.moved(slots.written.bytes, page, slots.written.end - 1);
    return slots.written;
  }

  /** The same for a request for slots: all of them, or none. */
  private answerSlots(input: ReadBytes, time: number): boolean {
    const { slots, reader, customer } = this;
    const { refererBegin, refererEnd } = this.options.heads.values;
    if (!slots.read(input, reader.bodyBegin, reader.bodyEnd, refererBegin, refererEnd)) return false;
    const { count } = slots;
    for (let slot = count - 1; slot >= 0; slot--) if (!this.prepareSlot(input, slot)) return false;
    const head = this.batchHead(this.route as Route);
    if (head === undefined) return false;
    this.batch.begin(customer);
    for (let slot = 0; slot < count; slot++) {
      if (slot > 0) this.prepareSlot(input, slot);
      this.batch.add(this.decide(slots.written, time, ofSlot).bytes);
      this.keepSlot(slot);
    }
    this.template = undefined;
    this.response = this.batch.finish(head, this.date);
    for (let slot = 0; slot < count; slot++) this.recordSlot(input, slot, time);
    return true;
  }

  /** Until all are answered: a fault before that leaves all of them to the common way, which counts and records each. */
  private keepSlot(slot: number): void {
    if (this.slotAnswers.length === slot) {
      const bytes = Buffer.alloc(this.decision.bytes.length);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      this.slotAnswers.push({ decision: { bytes, view, begin: 0, end: bytes.length }, of: undefined, isRecorded: false });
    }
    const kept = this.slotAnswers[slot] as SlotAnswer;
    kept.decision.bytes.set(this.decision.bytes);
    kept.of = this.templates;
    kept.isRecorded = this.isRecorded();
  }

  /** A fault here is told: the answer stands, and the common way would record the other slots again. */
  private recordSlot(input: ReadBytes, slot: number, time: number): void {
    const { slots, reader } = this;
    const { decision, of, isRecorded } = this.slotAnswers[slot] as SlotAnswer;
    const { batchShare, reason } = of as DecisionTemplates;
    (this.route as Route).counts[reason]! += 1;
    if (!isRecorded) return;
    try {
      const targetBegin = slots.query(input, reader.clientBegin, reader.clientEnd, slot);
      this.record(slots.written, { targetBegin, targetEnd: slots.written.end - 1 }, time, batchShare, decision);
    } catch (error) {
      this.options.report('an answer is not recorded', error);
      this.options.metrics.recordDropped((this.route as Route).clientId);
    }
  }

  private prepareSlot(input: ReadBytes, slot: number): boolean {
    const { slots, reader } = this;
    reader.readTarget(slots.written, slots.query(input, reader.clientBegin, reader.clientEnd, slot));
    return reader.isPlain && this.prepare(slots.written);
  }

  private batchHead(route: Route): BatchHead | undefined {
    const { site, origin } = this.head as Head;
    const known = route.batchHeads.get(site);
    if (known !== undefined) return known;
    const made = batchHead(this.options.crossOrigin(this.target(), origin), this.date, this.options.keepAliveSeconds);
    if (made === undefined) return undefined;
    if (route.batchHeads.size >= sitesPerDecisionMax) route.batchHeads.clear();
    route.batchHeads.set(site, made);
    return made;
  }

  /** Finds who asks for what in the query that was read last. False, and nothing done, when it takes more than a template to answer. */
  private prepare(query: ReadBytes): boolean {
    const { reader } = this;
    const route = this.routes.at(query.bytes, reader.routeBegin, reader.routeEnd, reader.routeHash);
    const tables = route && this.options.tables.of(route.clientId);
    if (route === undefined || tables === undefined) return false;
    if (tables !== route.tables) route.take(tables);
    if (route.campaign === undefined || !this.identify(query, route)) return false;
    this.route = route;
    this.placement = -1;
    if (reader.placementEnd === 0) return true;
    this.placement = route.placementAt(query.bytes, reader.placementBegin, reader.placementEnd);
    return this.placement >= 0;
  }

  /** Decides what was prepared. The template is filled. */
  private decide(query: ReadBytes, time: number, ofWhat: number): ResponseTemplate {
    const { asked, customer, placement } = this;
    const head = this.head as Head;
    const route = this.route as Route;
    const tables = route.tables as ClientTables;
    const campaign = route.campaign as PreparedCampaign;
    asked.set(time, route.placementId(placement), head, query.bytes);
    const { audience } = tables;
    let decision: Decision;
    if (audience === null) decision = decideIn(campaign, unknownCustomer, asked, false, this.bucket);
    else {
      hashIdBytes(customer.bytes, customer.begin, customer.end);
      const membership = audience.lookup.membershipOfHash(idHash[0]!, idHash[1]!, audience.lookup.asksForIds ? textOf(customer) : '');
      decision = decideIn(campaign, membership, asked, time - audience.builtAtMs > tables.audienceAgeMaxMs, this.bucket);
    }
    const template = this.templateFor(decision, placement, head, ofWhat);
    const { ids } = this.options;
    ids.draw(time);
    fill(template, this.decision, customer, this.session.end === 0 ? null : this.session, this.date);
    return template;
  }

  /** Whether the request or its cookies say who asks, in bytes that JSON and tokens take as they are. */
  private identify(query: ReadBytes, { clientId }: Route): boolean {
    const { reader, customer, session } = this;
    const isNamed = reader.customerEnd > 0;
    const hasSession = reader.sessionEnd > 0;
    if (hasSession) set(session, query, reader.sessionBegin, reader.sessionEnd);
    if (isNamed) set(customer, query, reader.customerBegin, reader.customerEnd);
    if (isNamed && hasSession) return true;
    const kept = this.options.heads.kept(clientId, this.input as ReadBytes);
    if (!kept.simple) return false;
    if (!hasSession) set(session, kept.session ?? noId, 0, kept.session?.bytes.length ?? 0);
    if (isNamed) return true;
    // A customer or a session has to be made up.
    if (kept.customer === null || session.end === 0) return false;
    set(customer, kept.customer, 0, kept.customer.bytes.length);
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

  /** Of the answer whose id was drawn last. */
  private isRecorded(): boolean {
    const { tables } = this.route as Route;
    return isSampledId(this.options.ids.bytes, (tables as ClientTables).plan.playbook.sampleRate);
  }

  private record(query: ReadBytes, target: Target, time: number, share: SharedPart, decisionId: IdBytes): void {
    const { plain } = this;
    plain.decision = share;
    plain.head = (this.head as Head).share;
    plain.time = time;
    plain.decisionId = decisionId;
    if (!this.options.recorder.record(query, target, plain)) this.options.metrics.recordDropped((this.route as Route).clientId);
  }

  private templateFor(decision: Decision, placement: number, head: Head, ofWhat: number): ResponseTemplate {
    const route = this.route as Route;
    const own = this.decisionTemplates(route, decision);
    const templates = own.site === head.site ? own.templates : this.templatesAt(own, head.site);
    this.templates = own;
    const { customer, session } = this;
    // Lengths are at most 64, and there are at most 64 placements.
    const key = ofWhat | ((placement + 1) << 14) | ((customer.end - customer.begin) << 7) | (session.end - session.begin);
    this.templateOf = templates;
    this.templateKey = key;
    let template = templates.get(key);
    if (template === undefined) {
      template = this.templateMade(route, decision, placement, head, ofWhat);
      this.routes.made(template);
      if (templates.size >= templatesPerSiteMax) templates.clear();
      templates.set(key, template);
    }
    return template;
  }

  private decisionTemplates(route: Route, decision: Decision): DecisionTemplates {
    const known = route.decisions.get(decision);
    if (known !== undefined) return known;
    const made: DecisionTemplates = {
      reason: reasonIndex[decision.reason],
      share: shareOfDecision(route.tables as ClientTables, route.campaignId, decision),
      batchShare: sharedPart(servedShare(route.tables as ClientTables, route.campaignId, decision, 'batch')),
      site: -1,
      templates: new Map(),
      bySite: new Map(),
    };
    route.decisions.set(decision, made);
    return made;
  }

  private templatesAt(own: DecisionTemplates, site: number): Map<number, ResponseTemplate> {
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

  private templateMade(route: Route, decision: Decision, placement: number, head: Head, ofWhat: number): ResponseTemplate {
    const { clicks, keepAliveSeconds, crossOrigin } = this.options;
    const { customer, session } = this;
    const filler = (length: number) => 'x'.repeat(length);
    const answer = {
      decisionId: idText(noDecision),
      tables: route.tables as ClientTables,
      campaignId: route.campaignId,
      customerId: filler(customer.end - customer.begin) as CustomerId,
      sessionId: session.end === 0 ? null : (filler(session.end - session.begin) as SessionId),
      request: { ...emptyRequest, placementId: route.placementId(placement) },
      decision,
    };
    if (ofWhat === ofSlot) return slotTemplate(answer, clicks, head.caller.base);
    return responseTemplate(answer, clicks, head.caller.base, crossOrigin(this.target(), head.origin), this.date, keepAliveSeconds);
  }
}

/** One connection: keeps its last head, which the next request mostly repeats. */
class QueryConversation implements Conversation {
  private head: Head | undefined;

  constructor(private readonly answers: FastAnswers) {}

  get response(): Buffer {
    return this.answers.response;
  }

  get needs(): number {
    return this.answers.needs;
  }

  read(input: ReadBytes, from: number): number {
    const { answers } = this;
    const behind = answers.read(input, from, this.head);
    if (behind > from) this.head = answers.head;
    return behind;
  }

  surrender(): void {
    this.answers.surrender();
  }
}

/** What an answer's JSON takes from the request is its placement. */
const emptyRequest = { time: 0, url: null, referrer: null, device: 'desktop', browser: null, country: null, context: {} } as const;

function set(id: IdBytes, { bytes, view }: Pick<IdBytes, 'bytes' | 'view'>, begin: number, end: number): void {
  id.bytes = bytes;
  id.view = view;
  id.begin = begin;
  id.end = end;
}

function textOf({ bytes, begin, end }: IdBytes): string {
  return bytes.toString('latin1', begin, end);
}
