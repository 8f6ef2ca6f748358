/** Sets the demo client up through the doors that everybody uses: the admin over HTTP, and the edge. */
import { readFileSync } from 'node:fs';
import { demoCampaign, demoClient, demoContents, demoRules, demoSegments } from './shop.js';

export interface DemoOptions {
  readonly admin: string;
  readonly edge: string;
  readonly adminKey: string;
  readonly say: (line: string) => void;
}

/** One query to try, with what it was answered just now. */
export interface DemoQuery {
  readonly url: string;
  readonly customer: string;
  readonly contentId: string | null;
  readonly why: string;
}

interface Refusal {
  readonly code: string;
  readonly message: string;
}

const { clientId } = demoClient;
const { campaignId } = demoCampaign;
const dataFolder = new URL('../../../../apps/standalone/demo/data/', import.meta.url);

/** Idempotent: what an earlier start has done is left as it is. Returns three queries that are answered differently. */
export async function setUpDemo(options: DemoOptions): Promise<DemoQuery[]> {
  const admin = adminOf(options);
  const { campaign } = await admin.ask(
    'query ($c: ID!, $id: ID!) { campaign(clientId: $c, campaignId: $id) { status } }',
    { c: clientId, id: campaignId },
    ['CLIENT_UNKNOWN'],
  );
  if (campaign?.status !== 'RUNNING') await define(admin, options);
  return queriesToTry(admin, options);
}

async function define(admin: Admin, { say }: DemoOptions): Promise<void> {
  await admin.command('registerClient', 'RegisterClientInput!', demoClient);
  const rows = await importHistory(admin);
  say(`demo: ${rows.read} order lines of a real shop imported; their times are moved so that they end today`);
  for (const content of demoContents) await admin.command('registerContent', 'RegisterContentInput!', { clientId, ...content });
  for (const segment of demoSegments) await admin.command('defineSegment', 'DefineSegmentInput!', { clientId, ...segment });
  await admin.command('createCampaign', 'CreateCampaignInput!', { clientId, ...demoCampaign });
  await admin.command('setCampaignRules', 'SetCampaignRulesInput!', { clientId, campaignId, rules: demoRules });
  await admin.command('startCampaign', 'CampaignInput!', { clientId, campaignId });
  const position = await admin.command('requestSnapshot', 'RequestSnapshotInput!', { clientId });
  await live(admin, position);
}

async function importHistory(admin: Admin): Promise<{ read: number }> {
  const uploadId = await admin.upload(readFileSync(new URL('online-retail-slice.csv.gz', dataFolder)));
  const mapping = JSON.parse(readFileSync(new URL('online-retail.map.json', dataFolder), 'utf8'));
  const started = await admin.ask(
    'mutation ($input: StartImportInput!) { startImport(input: $input) { import { importId } userErrors { code message } } }',
    {
      input: { clientId, uploadId, mapping },
    },
  );
  const [refusal] = started.startImport.userErrors as Refusal[];
  if (refusal !== undefined) throw new Error(`the demo's import was refused: ${refusal.code} ${refusal.message}`);
  for (;;) {
    const { import: state } = await admin.ask('query ($id: ID!) { import(importId: $id) { status read } }', {
      id: started.startImport.import.importId,
    });
    if (state.status === 'DONE') return state;
    if (state.status === 'FAILED') throw new Error('the demo’s import failed; `vitrine log read --categories import` says why');
    await pause(250);
  }
}

async function live(admin: Admin, position: string): Promise<void> {
  for (;;) {
    const data = await admin.ask(
      'query ($c: ID!, $p: Position!) { playbook: isLive(clientId: $c, position: $p, kind: PLAYBOOK) audience: isLive(clientId: $c, position: $p, kind: AUDIENCE) }',
      { c: clientId, p: position },
    );
    if (data.playbook && data.audience) return;
    await pause(200);
  }
}

/** Asks for customers of each segment, and what the edge shows them, until three answers differ; the first is somebody unknown. */
async function queriesToTry(admin: Admin, options: DemoOptions): Promise<DemoQuery[]> {
  const found = new Map<string | null, DemoQuery>();
  const consider = async (customer: string) => {
    const url = `${options.edge}/q/${clientId}/${campaignId}?c=${encodeURIComponent(customer)}`;
    const answer = (await (await fetch(url)).json()) as {
      content: { contentId: string } | null;
      reason: string;
      segmentId: string | null;
      group: string | null;
    };
    const contentId = answer.content?.contentId ?? null;
    if (found.has(contentId)) return;
    const because = [answer.reason, answer.segmentId && `segment ${answer.segmentId}`, answer.group && `group ${answer.group}`]
      .filter(Boolean)
      .join(', ');
    found.set(contentId, { url, customer, contentId, why: because });
  };
  await consider('somebody-new');
  for (const { segmentId } of [...demoSegments].reverse()) {
    const { segmentPreview } = await admin.ask('query ($c: ID!, $f: Criteria!) { segmentPreview(clientId: $c, criteria: $f) { sample } }', {
      c: clientId,
      f: { segment: segmentId },
    });
    const before = found.size;
    for (const customer of segmentPreview.sample) if (found.size === before) await consider(customer);
  }
  return [...found.values()];
}

type Admin = ReturnType<typeof adminOf>;

function adminOf({ admin, adminKey }: DemoOptions) {
  const headers = { authorization: `Bearer ${adminKey}` };
  // biome-ignore lint/suspicious/noExplicitAny: the data of any operation, whose shape the caller's query text says.
  const ask = async (query: string, variables: object, allowed: readonly string[] = []): Promise<any> => {
    const response = await fetch(`${admin}/graphql`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const answer = (await response.json()) as { data?: object; errors?: { message: string; extensions?: { code?: string } }[] };
    const error = answer.errors?.find(({ extensions }) => !allowed.includes(extensions?.code ?? ''));
    if (error !== undefined) throw new Error(`the admin answered the demo: ${error.message}`);
    return answer.data ?? {};
  };
  return {
    ask,
    /** The position reached; what exists already is no refusal. */
    command: async (name: string, type: string, input: object): Promise<string> => {
      const data = await ask(`mutation ($input: ${type}) { ${name}(input: $input) { position userErrors { code message } } }`, { input });
      const refusal = (data[name].userErrors as Refusal[]).find(({ code }) => !code.endsWith('_EXISTS'));
      if (refusal !== undefined) throw new Error(`${name} was refused: ${refusal.code} ${refusal.message}`);
      return data[name].position;
    },
    upload: async (bytes: Buffer): Promise<string> => {
      const response = await fetch(`${admin}/uploads`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/octet-stream' },
        body: new Uint8Array(bytes),
      });
      if (!response.ok) throw new Error(`POST /uploads answered ${response.status}`);
      return ((await response.json()) as { uploadId: string }).uploadId;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
