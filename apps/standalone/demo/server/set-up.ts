/** Sets the demo client up through the admin, as a merchant would. What an earlier start did is left as it is, also what people changed since. */
import { demoCampaigns } from '../definitions/campaigns.js';
import { demoClient } from '../definitions/client.js';
import { demoContents } from '../definitions/contents.js';
import { demoSegments } from '../definitions/segments.js';
import { demoFile } from '../files.js';
import type { AdminClient } from './admin-client.js';

const { clientId } = demoClient;

type Say = (line: string) => void;

/** Resolves when the nodes answer by all of it. @throws Error with one line for a person. */
export async function setUpDemo(admin: AdminClient, say: Say): Promise<void> {
  const found = await whatIsThere(admin);
  const isComplete = demoCampaigns.every(({ campaignId }) => found.campaigns.has(campaignId)) && !found.isOfEarlierDemo;
  if (isComplete) return;
  await admin.command('registerClient', 'RegisterClientInput!', demoClient);
  // Its campaign was started after its history was there; a start that was cut short imports again, which adds what is missing.
  if (found.campaigns.has('home')) say('demo: what an earlier version set up here is brought up to date');
  else {
    const { read } = await importHistory(admin);
    say(`demo: ${read} order lines of a real shop imported; their times are moved so that they end today`);
  }
  for (const content of demoContents) await admin.command('registerContent', 'RegisterContentInput!', { clientId, ...content });
  for (const segment of demoSegments) await admin.command('defineSegment', 'DefineSegmentInput!', { clientId, ...segment });
  for (const campaign of demoCampaigns) await define(admin, campaign, found);
  const position = await admin.command('requestSnapshot', 'RequestSnapshotInput!', { clientId });
  await live(admin, position);
}

interface Found {
  /** Those that run, or were paused or ended by somebody: not the drafts that a start which was cut short left. */
  readonly campaigns: ReadonlySet<string>;
  /** Of before there was a shop: one campaign, whose rules stand in no other version. */
  readonly isOfEarlierDemo: boolean;
}

async function whatIsThere(admin: AdminClient): Promise<Found> {
  const { campaigns } = await admin.ask(
    'query ($c: ID!) { campaigns(clientId: $c, first: 100) { edges { node { campaignId status rules { ruleId contentId segmentId } } } } }',
    { c: clientId },
    ['CLIENT_UNKNOWN'],
  );
  const nodes = ((campaigns?.edges ?? []) as { node: FoundCampaign }[]).map(({ node }) => node);
  const home = nodes.find(({ campaignId }) => campaignId === 'home');
  return {
    campaigns: new Set(nodes.filter(({ status }) => status !== 'DRAFT').map(({ campaignId }) => campaignId)),
    isOfEarlierDemo: home?.rules.some(({ ruleId, segmentId }) => ruleId === 'four-ways' && segmentId === 'repeat-buyers') ?? false,
  };
}

interface FoundCampaign {
  readonly campaignId: string;
  readonly status: string;
  readonly rules: readonly { readonly ruleId: string; readonly segmentId: string | null }[];
}

async function define(admin: AdminClient, { rules, ...campaign }: (typeof demoCampaigns)[number], found: Found): Promise<void> {
  const { campaignId } = campaign;
  if (found.campaigns.has(campaignId)) {
    // The content that the earlier version shows by default has its place in the new design too.
    if (campaignId !== 'home' || !found.isOfEarlierDemo) return;
    const old = demoContents.find(({ contentId }) => contentId === campaign.defaultContentId);
    await admin.command('reviseContent', 'RegisterContentInput!', { clientId, ...old, contentId: 'welcome' });
  } else await admin.command('createCampaign', 'CreateCampaignInput!', { clientId, ...campaign });
  await admin.command('setCampaignRules', 'SetCampaignRulesInput!', { clientId, campaignId, rules });
  if (!found.campaigns.has(campaignId)) await admin.command('startCampaign', 'CampaignInput!', { clientId, campaignId });
}

async function importHistory(admin: AdminClient): Promise<{ read: number }> {
  const uploadId = await admin.upload(demoFile('data/online-retail-slice.csv.gz'));
  const mapping = JSON.parse(demoFile('data/online-retail.map.json').toString('utf8'));
  const { startImport } = await admin.ask(
    'mutation ($input: StartImportInput!) { startImport(input: $input) { import { importId } userErrors { code message } } }',
    { input: { clientId, uploadId, mapping } },
  );
  const [refusal] = startImport.userErrors as { code: string; message: string }[];
  if (refusal !== undefined) throw new Error(`the demo's import was refused: ${refusal.code} ${refusal.message}`);
  for (;;) {
    const { import: state } = await admin.ask('query ($id: ID!) { import(importId: $id) { status read } }', {
      id: startImport.import.importId,
    });
    if (state.status === 'DONE') return state;
    if (state.status === 'FAILED') throw new Error('the demo’s import failed; `vitrine log read --categories import` says why');
    await pause(250);
  }
}

async function live(admin: AdminClient, position: string): Promise<void> {
  for (;;) {
    const data = await admin.ask(
      'query ($c: ID!, $p: Position!) { playbook: isLive(clientId: $c, position: $p, kind: PLAYBOOK) audience: isLive(clientId: $c, position: $p, kind: AUDIENCE) }',
      { c: clientId, p: position },
    );
    if (data.playbook && data.audience) return;
    await pause(200);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
