/** The demo: a client with real customers, set up through the admin, and a shop that shows what it does. */
import type { DynamicModule } from '@nestjs/common';
import { demoClient } from './definitions/client.js';
import { AdminClient } from './server/admin-client.js';
import { DemoModule } from './server/demo-module.js';
import { setUpDemo } from './server/set-up.js';
import { type Preview, RunningSystem } from './server/system.js';

/** The running standalone, as far as the demo needs it. */
export interface Host {
  readonly edge: string;
  readonly admin: string;
  readonly adminKey: string;
  clientKey(clientId: string, name: string): Promise<string>;
}

/** One query to try, with what it would be answered now. */
export interface DemoQuery {
  readonly url: string;
  readonly contentId: string | null;
  readonly why: string;
}

const { clientId } = demoClient;

export class Demo {
  private readonly system = new RunningSystem();

  /** For the edge's port: the shop at `/demo/`. */
  module(): DynamicModule {
    return DemoModule.register(this.system);
  }

  /** Idempotent. Returns queries that are answered differently. */
  async begin({ edge, admin, adminKey, clientKey }: Host, say: (line: string) => void): Promise<DemoQuery[]> {
    await setUpDemo(new AdminClient({ url: admin, key: adminKey }), say);
    this.system.connect({ url: admin, key: await clientKey(clientId, 'the demo shop') });
    return queriesToTry(this.system, edge);
  }
}

/** Somebody unknown, and one customer for each other answer of the home page. */
async function queriesToTry(system: RunningSystem, edge: string): Promise<DemoQuery[]> {
  const segments = await system.segments();
  const samples = await system.samples(segments.map(({ segmentId }) => segmentId));
  const customers = ['somebody-new', ...new Set(samples.flatMap((sample) => sample.slice(0, 3)))];
  const places = ['home', 'welcome-back'].map((campaignId) => ({ campaignId, placementId: 'any', context: {} }));
  const asked = places.flatMap((place) => customers.map((customerId) => ({ ...place, customerId })));
  const answers = await system.previews(asked);
  const found = new Map<string | null, DemoQuery>();
  asked.forEach(({ campaignId, customerId }, index) => {
    const answer = answers[index];
    if (!answer || found.has(answer.contentId) || (campaignId !== 'home' && answer.contentId === null)) return;
    const url = `${edge}/q/${clientId}/${campaignId}?c=${encodeURIComponent(customerId)}`;
    found.set(answer.contentId, { url, contentId: answer.contentId, why: because(answer) });
  });
  return [...found.values()];
}

function because({ reason, segmentId, group }: Preview): string {
  return [reason, segmentId && `segment ${segmentId}`, group && `group ${group}`].filter(Boolean).join(', ');
}
