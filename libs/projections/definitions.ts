/** The state of all definitions, folded from the log: what admin, builders and collectors know of clients, contents, segments and campaigns. */
import {
  type CampaignEvent,
  type ClientEvent,
  type ContentEvent,
  type Criteria,
  campaignCodec,
  clientCodec,
  contentCodec,
  type PlaybookContent,
  type PlaybookRule,
  type SegmentEvent,
  type SnapshotEvent,
  segmentCodec,
  snapshotCodec,
  unreachable,
} from '#libs/domain';
import type { Position, RecordedEvent } from '#libs/event-log';

export interface ClientDefinition {
  readonly clientId: string;
  readonly name: string;
  readonly timeZone: string;
  readonly currency: string;
  readonly origins: readonly string[];
  readonly sampleRate: number;
  readonly snapshotIntervalSeconds: number;
  readonly snapshotMaxAgeSeconds: number | null;
}

export interface SegmentDefinition {
  readonly segmentId: string;
  readonly name: string;
  readonly criteria: Criteria;
  readonly status: 'active' | 'archived';
}

export interface CampaignDefinition {
  readonly campaignId: string;
  readonly name: string;
  readonly status: 'draft' | 'running' | 'paused' | 'ended';
  readonly defaultContentId: string | null;
  readonly startsAt: string | null;
  readonly endsAt: string | null;
  /** By rising priority. */
  readonly rules: readonly PlaybookRule[];
}

/** All of one client, in the order of definition. */
export interface ClientDefinitions {
  readonly client: ClientDefinition;
  readonly contents: ReadonlyMap<string, PlaybookContent>;
  readonly segments: ReadonlyMap<string, SegmentDefinition>;
  readonly campaigns: ReadonlyMap<string, CampaignDefinition>;
  /** Position of the newest definition event of this client; of the newest that concerns segments, the time zone or origins (what an audience depends on). */
  readonly changedAt: Position;
  readonly audienceChangedAt: Position;
  /** Position of the newest SnapshotRequested, per kind; null: never. */
  readonly requestedAt: { readonly audience: Position | null; readonly playbook: Position | null };
}

/** The categories of the streams that definitions are folded from. */
export const definitionCategories = ['client', 'content', 'segment', 'campaign', 'snapshot'] as const;

/** What the fold needs of a recorded event. */
export type DefinitionEvent = Pick<RecordedEvent, 'type' | 'data' | 'stream' | 'position'> & {
  readonly metadata: Pick<RecordedEvent['metadata'], 'schema' | 'clientId'>;
};

/** One client while it is folded: the maps change in place, `view` is what was last given out, null after a change. */
interface Working {
  client: ClientDefinition;
  readonly contents: Map<string, PlaybookContent>;
  readonly segments: Map<string, SegmentDefinition>;
  readonly campaigns: Map<string, CampaignDefinition>;
  changedAt: Position;
  audienceChangedAt: Position;
  requestedAt: ClientDefinitions['requestedAt'];
  view: ClientDefinitions | null;
}

/**
 * All definitions so far. Events are taken in place, in constant time each; what `get` gives out never changes afterwards (a client's maps
 * are copied by the first `get` after a change), so a reader may hold it across waiting.
 */
export class Definitions {
  private readonly clients = new Map<string, Working>();

  get(clientId: string): ClientDefinitions | undefined {
    const working = this.clients.get(clientId);
    if (working === undefined) return undefined;
    working.view ??= {
      client: working.client,
      contents: new Map(working.contents),
      segments: new Map(working.segments),
      campaigns: new Map(working.campaigns),
      changedAt: working.changedAt,
      audienceChangedAt: working.audienceChangedAt,
      requestedAt: working.requestedAt,
    };
    return working.view;
  }

  has(clientId: string): boolean {
    return this.clients.has(clientId);
  }

  /** In the order of registration. */
  clientIds(): IterableIterator<string> {
    return this.clients.keys();
  }

  get size(): number {
    return this.clients.size;
  }

  /** Events of other concepts change nothing. @throws UnreadableEvent. */
  apply(event: DefinitionEvent): void {
    const stored = { type: event.type, schema: event.metadata.schema, data: event.data };
    const decoded =
      clientCodec.decode(stored) ??
      contentCodec.decode(stored) ??
      segmentCodec.decode(stored) ??
      campaignCodec.decode(stored) ??
      snapshotCodec.decode(stored);
    if (decoded === undefined) return;
    const { clientId } = event.metadata;
    if (decoded.type === 'ClientRegistered') {
      const { type: _, ...client } = decoded;
      this.clients.set(clientId, newClient(client, event.position));
      return;
    }
    // Nothing is defined for a client that is not registered: commands are refused. Requests alone could stand before it.
    const working = this.clients.get(clientId);
    if (working !== undefined) evolve(working, decoded, idOf(event.stream), event.position);
  }
}

/** The fold in the form that followers of the log take. `apply` changes the state that it is given, and returns it. */
export const definitionsFold = {
  categories: definitionCategories,
  initial: (): Definitions => new Definitions(),
  apply(definitions: Definitions, event: DefinitionEvent): Definitions {
    definitions.apply(event);
    return definitions;
  },
};

function newClient(client: ClientDefinition, position: Position): Working {
  return {
    client,
    contents: new Map(),
    segments: new Map(),
    campaigns: new Map(),
    changedAt: position,
    audienceChangedAt: position,
    requestedAt: { audience: null, playbook: null },
    view: null,
  };
}

type Decoded = Exclude<ClientEvent, { type: 'ClientRegistered' }> | ContentEvent | SegmentEvent | CampaignEvent | SnapshotEvent;

function evolve(working: Working, event: Decoded, id: string, position: Position): void {
  switch (event.type) {
    case 'SnapshotPublished':
      return;
    case 'SnapshotRequested': {
      const { audience, playbook } = working.requestedAt;
      working.requestedAt = {
        audience: event.kind === 'playbook' ? audience : position,
        playbook: event.kind === 'audience' ? playbook : position,
      };
      working.view = null;
      return;
    }
    case 'ClientRevised': {
      const { type: _, ...changed } = event;
      working.client = { ...working.client, ...changed };
      if (changed.timeZone !== undefined || changed.origins !== undefined) working.audienceChangedAt = position;
      break;
    }
    case 'ContentRegistered':
    case 'ContentRevised': {
      const { address, body, destination, width, height, alt } = event;
      working.contents.set(id, { contentId: id, type: event.contentType, address, body, destination, width, height, alt });
      break;
    }
    case 'SegmentDefined':
    case 'SegmentRevised':
    case 'SegmentArchived':
      evolveSegment(working.segments, event, id);
      working.audienceChangedAt = position;
      break;
    default:
      evolveCampaign(working.campaigns, event, id);
  }
  working.changedAt = position;
  working.view = null;
}

function evolveSegment(segments: Map<string, SegmentDefinition>, event: SegmentEvent, segmentId: string): void {
  if (event.type === 'SegmentDefined') {
    segments.set(segmentId, { segmentId, name: event.name, criteria: event.criteria, status: 'active' });
    return;
  }
  const before = segments.get(segmentId);
  if (before === undefined) return;
  if (event.type === 'SegmentArchived') {
    segments.set(segmentId, { ...before, status: 'archived' });
    return;
  }
  segments.set(segmentId, { ...before, name: event.name ?? before.name, criteria: event.criteria ?? before.criteria });
}

function evolveCampaign(campaigns: Map<string, CampaignDefinition>, event: CampaignEvent, campaignId: string): void {
  if (event.type === 'CampaignCreated') {
    const { name, defaultContentId, startsAt, endsAt } = event;
    campaigns.set(campaignId, { campaignId, name, status: 'draft', defaultContentId, startsAt, endsAt, rules: [] });
    return;
  }
  const before = campaigns.get(campaignId);
  if (before === undefined) return;
  switch (event.type) {
    case 'CampaignRulesSet':
      campaigns.set(campaignId, { ...before, rules: event.rules });
      return;
    case 'CampaignStarted':
      campaigns.set(campaignId, { ...before, status: 'running' });
      return;
    case 'CampaignPaused':
      campaigns.set(campaignId, { ...before, status: 'paused' });
      return;
    case 'CampaignEnded':
      campaigns.set(campaignId, { ...before, status: 'ended' });
      return;
    default:
      unreachable(event);
  }
}

/** The part of a stream's name after the client: `segment-golf.repeat.visitors` → `repeat.visitors`. No client's id has a dot. */
function idOf(stream: string): string {
  const dot = stream.indexOf('.');
  return dot < 0 ? '' : stream.slice(dot + 1);
}
