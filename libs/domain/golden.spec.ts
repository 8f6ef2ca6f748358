import { readdirSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import type { ApiKeyEvent } from './api-key/api-key.js';
import type { CampaignEvent } from './campaign/campaign.js';
import type { ClientEvent } from './client/client.js';
import type { ContentEvent } from './content/content.js';
import type { ImportEvent } from './import/import.js';
import type { SegmentEvent } from './segment/segment.js';
import type { SnapshotEvent } from './snapshot/snapshot.js';

/** Every event type of a concept; the compiler refuses this list when one is missing, and the test below when it has no golden file. */
type All<Event extends { type: string }> = Readonly<Record<Event['type'], true>>;

const apiKey: All<ApiKeyEvent> = { ApiKeyCreated: true, ApiKeyRevoked: true };
const campaign: All<CampaignEvent> = {
  CampaignCreated: true,
  CampaignRulesSet: true,
  CampaignStarted: true,
  CampaignPaused: true,
  CampaignEnded: true,
};
const client: All<ClientEvent> = { ClientRegistered: true, ClientRevised: true };
const content: All<ContentEvent> = { ContentRegistered: true, ContentRevised: true };
const imports: All<ImportEvent> = { ImportStarted: true, RecordsImported: true, ImportFailed: true };
const segment: All<SegmentEvent> = { SegmentDefined: true, SegmentRevised: true, SegmentArchived: true };
const snapshot: All<SnapshotEvent> = { SnapshotRequested: true, SnapshotPublished: true };

it.each(Object.entries({ 'api-key': apiKey, campaign, client, content, import: imports, segment, snapshot }))(
  'every event type of %s has a golden file',
  (concept, types) => {
    const golden = readdirSync(new URL(`${concept}/golden/`, import.meta.url)).map((name) => name.split('.', 1)[0] as string);
    expect([...new Set(golden)].sort()).toEqual(Object.keys(types).sort());
  },
);
