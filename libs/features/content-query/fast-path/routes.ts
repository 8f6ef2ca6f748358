import { type CampaignId, type ClientId, type Decision, type PreparedCampaign, type PreparedGroups } from '#libs/domain';
import type { TablesOfClients } from '../answering.js';
import type { ClientTables } from '../client-tables.js';
import { parsePath } from '../content-query.js';
import { type AnswerCounts, type ContentQueryMetrics } from '../metrics.js';
import { Refused } from '../refused.js';
import { isAt } from './asked.js';
import type { BatchHead } from './batch-response.js';
import type { SharedPart } from './packed-answers.js';
import type { ResponseTemplate } from './response-template.js';

/** The responses of one decision, by site, placement, and the lengths of ids. */
export interface DecisionTemplates {
  readonly reason: number;
  /** What records of its answers have in common, and of its answers in a request for slots. */
  readonly share: SharedPart;
  readonly batchShare: SharedPart;
  /** The site asked for last, and its templates. */
  site: number;
  templates: Map<number, ResponseTemplate>;
  readonly bySite: Map<number, Map<number, ResponseTemplate>>;
}

/** One campaign's address, and what is prepared for it from the tables of the moment. */
export class Route {
  tables: ClientTables | undefined;
  campaign: PreparedCampaign | undefined;
  decisions = new Map<Decision, DecisionTemplates>();
  /** Of responses to requests for slots that begin with this campaign, by site. */
  readonly batchHeads = new Map<number, BatchHead>();
  readonly counts: AnswerCounts;
  private readonly placements: { readonly bytes: Buffer; readonly id: string }[] = [];
  private readonly prefixes = new Map<PreparedGroups, Buffer>();

  constructor(
    readonly path: Buffer,
    readonly clientId: ClientId,
    readonly campaignId: CampaignId,
    metrics: ContentQueryMetrics,
  ) {
    this.counts = metrics.answersOf(clientId);
  }

  /** Puts these tables in force; what was prepared from others is forgotten, and made-up placements with it. */
  take(tables: ClientTables): void {
    this.tables = tables;
    this.placements.length = 0;
    this.campaign = tables.plan.campaigns.get(this.campaignId);
    this.decisions = new Map();
    this.batchHeads.clear();
    this.prefixes.clear();
  }

  /** A number for the placement; -1 when there are too many to keep. */
  placementAt(bytes: Buffer, begin: number, end: number): number {
    const { placements } = this;
    for (let index = 0; index < placements.length; index++) if (isAt(bytes, begin, end, placements[index]!.bytes)) return index;
    if (placements.length === placementsMax) return -1;
    const own = Buffer.from(bytes.subarray(begin, end));
    return placements.push({ bytes: own, id: own.toString('latin1') }) - 1;
  }

  placementId(index: number): string | null {
    return this.placements[index]?.id ?? null;
  }

  /** What the customer's id is hashed with for these groups. */
  prefixOf(groups: PreparedGroups): Buffer {
    const known = this.prefixes.get(groups);
    if (known !== undefined) return known;
    const prefix = Buffer.from(groups.hashPrefix, 'latin1');
    this.prefixes.set(groups, prefix);
    return prefix;
  }
}

/** A page has few; they are looked through. */
const placementsMax = 64;
const slots = 1_024;
/** What a template takes beside its response. */
const templateOwnBytes = 1_024;
const templateBytesMaxDefault = 64 * 1024 * 1024;

/**
 * Finds routes by the bytes of their path. Two that fall on one slot take turns in it: that costs time, nothing else. What a caller makes up – clients,
 * campaigns, hosts, lengths of ids – must not stay in memory: only campaigns that there are have a route, and all templates together a limit.
 */
export class Routes {
  private readonly routes: (Route | undefined)[] = new Array<Route | undefined>(slots).fill(undefined);
  private templateBytes = 0;

  constructor(
    private readonly metrics: ContentQueryMetrics,
    private readonly tables: TablesOfClients,
    private readonly templateBytesMax = templateBytesMaxDefault,
  ) {}

  /** Counts a template that was made; beyond the limit all are forgotten. Those that went otherwise count too, until then. */
  made({ bytes }: Pick<ResponseTemplate, 'bytes'>): void {
    this.templateBytes += bytes.length + templateOwnBytes;
    if (this.templateBytes <= this.templateBytesMax) return;
    this.templateBytes = 0;
    for (const route of this.routes) if (route !== undefined) route.decisions = new Map();
  }

  /** Undefined for a path that names no campaign of a client here. */
  at(bytes: Buffer, begin: number, end: number, hash: number): Route | undefined {
    const slot = (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (slots - 1);
    const known = this.routes[slot];
    if (known !== undefined && isAt(bytes, begin, end, known.path)) return known;
    const route = this.parsed(Buffer.from(bytes.subarray(begin, end)));
    if (route !== undefined) this.routes[slot] = route;
    return route;
  }

  private parsed(path: Buffer): Route | undefined {
    try {
      const { clientId, campaignId } = parsePath(`/q/${path.toString('latin1')}`);
      if (campaignId === null || this.tables.of(clientId)?.plan.campaigns.has(campaignId) !== true) return undefined;
      return new Route(path, clientId, campaignId, this.metrics);
    } catch (error) {
      if (error instanceof Refused) return undefined;
      throw error;
    }
  }
}
