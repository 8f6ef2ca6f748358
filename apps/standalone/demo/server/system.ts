/** What the strip and the pages ask of the running system, with a key that is for the demo's client alone. */
import { demoClient } from '../definitions/client.js';
import { type AdminAddress, AdminAway, AdminClient } from './admin-client.js';

const { clientId } = demoClient;

export interface SlotAsked {
  readonly campaignId: string;
  readonly placementId: string;
}

export interface PreviewAsked extends SlotAsked {
  readonly customerId: string;
  readonly context: object;
}

/** What would be shown now. */
export interface Preview extends SlotAsked {
  readonly contentId: string | null;
  readonly content: { readonly body: string | null } | null;
  readonly segmentId: string | null;
  readonly ruleId: string | null;
  readonly group: string | null;
  readonly reason: string;
  readonly steps: readonly string[];
}

export interface KnownCustomer {
  readonly customerId: string;
  /** Null: no event of this customer has reached the tables. */
  readonly fields: Readonly<Record<string, string | number | boolean | null>> | null;
  readonly segments: readonly { readonly segmentId: string; readonly name: string }[];
}

export interface About {
  readonly customer: KnownCustomer;
  readonly now: readonly (Preview | null)[];
  readonly audience: { readonly version: string; readonly builtAt: string } | null;
}

export interface Explanation {
  readonly recorded: Readonly<Record<string, string | null>> & { readonly decisionId: string; readonly time: string };
  readonly recomputed: { readonly contentId: string | null; readonly ruleId: string | null; readonly reason: string } | null;
  readonly agrees: boolean | null;
  readonly steps: readonly string[];
}

export interface Segment {
  readonly segmentId: string;
  readonly name: string;
  readonly size: number | null;
}

/** Questions under way at once; the next is refused. */
export const questionsMax = 16;
export const slotsMax = 8;
const previewsAtOnce = 40;
const waitMsMax = 15_000;

export class RunningSystem {
  private admin: AdminClient | undefined;
  private underWay = 0;

  /** Until then every question is answered with `AdminAway`: the shop stands before the rest does. */
  connect(address: AdminAddress): void {
    this.admin = new AdminClient({ waitMsMax, ...address });
  }

  /** Who this is to the system, and what would be shown in these slots now. */
  async about(customerId: string, slots: readonly SlotAsked[], context: Readonly<Record<string, string>>): Promise<About> {
    const [data, now] = await Promise.all([
      this.ask(
        `query ($c: ID!, $f: Criteria!) {
          customers(clientId: $c, filter: $f, first: 1) { edges { node { customerId fields segmentIds } } }
          segments(clientId: $c, first: 200) { edges { node { segmentId name } } }
          snapshotStatus(clientId: $c) { audience { version builtAt } }
        }`,
        { c: clientId, f: { customers: [customerId] } },
      ),
      this.previews(slots.map((slot) => ({ ...slot, customerId, context }))),
    ]);
    const node = data.customers.edges[0]?.node ?? null;
    const names = new Map<string, string>(data.segments.edges.map(({ node }: { node: Segment }) => [node.segmentId, node.name]));
    const segmentIds: readonly string[] = node?.segmentIds ?? [];
    return {
      customer: {
        customerId,
        fields: node?.fields ?? null,
        segments: segmentIds.map((segmentId) => ({ segmentId, name: names.get(segmentId) ?? segmentId })),
      },
      now,
      audience: data.snapshotStatus.audience,
    };
  }

  /** Null: not recorded (yet), or of another client. */
  async explanation(decisionId: string): Promise<Explanation | null> {
    const { explainDecision } = await this.ask(
      `query ($id: ID!) { explainDecision(decisionId: $id) {
        recorded { decisionId clientId campaignId customerId time contentId segmentId ruleId group reason audience playbook }
        recomputed { contentId segmentId ruleId group reason } agrees steps } }`,
      { id: decisionId },
    );
    return explainDecision;
  }

  async segments(): Promise<readonly Segment[]> {
    const { segments } = await this.ask(
      'query ($c: ID!) { segments(clientId: $c, first: 200) { edges { node { segmentId name size status } } } }',
      {
        c: clientId,
      },
    );
    return segments.edges
      .map(({ node }: { node: Segment & { status: string } }) => node)
      .filter(({ status }: { status: string }) => status === 'ACTIVE');
  }

  /** Some members of each segment, as they are now. */
  async samples(segmentIds: readonly string[]): Promise<readonly (readonly string[])[]> {
    if (segmentIds.length === 0) return [];
    const parts = segmentIds.map((_, index) => `s${index}: segmentPreview(clientId: $c, criteria: $f${index}) { sample }`);
    const declared = segmentIds.map((_, index) => `, $f${index}: Criteria!`).join('');
    const filters = segmentIds.map((segmentId, index) => [`f${index}`, { segment: segmentId }]);
    const data = await this.ask(`query ($c: ID!${declared}) { ${parts.join(' ')} }`, { c: clientId, ...Object.fromEntries(filters) });
    return segmentIds.map((_, index) => data[`s${index}`].sample);
  }

  /** What these customers have done, in any order. */
  async customers(
    customerIds: readonly string[],
  ): Promise<readonly { customerId: string; fields: NonNullable<KnownCustomer['fields']>; segmentIds: string[] }[]> {
    const { customers } = await this.ask(
      'query ($c: ID!, $f: Criteria!) { customers(clientId: $c, filter: $f, first: 100) { edges { node { customerId fields segmentIds } } } }',
      { c: clientId, f: { customers: customerIds } },
    );
    return customers.edges.map(({ node }: { node: { customerId: string } }) => node);
  }

  /** What each would be shown now; in several questions when there are many, since the admin takes no dearer ones. */
  async previews(asked: readonly PreviewAsked[]): Promise<readonly (Preview | null)[]> {
    const answers: (Preview | null)[] = [];
    for (let first = 0; first < asked.length; first += previewsAtOnce) {
      answers.push(...(await this.somePreviews(asked.slice(first, first + previewsAtOnce))));
    }
    return answers;
  }

  private async somePreviews(asked: readonly PreviewAsked[]): Promise<readonly (Preview | null)[]> {
    const parts = asked.map(
      (_, index) =>
        `s${index}: previewDecision(clientId: $c, campaignId: $k${index}, customerId: $i${index}, placementId: $p${index}, context: $x${index}) { contentId content { body } segmentId ruleId group reason steps }`,
    );
    const declared = asked.map((_, index) => `, $k${index}: ID!, $i${index}: ID!, $p${index}: ID!, $x${index}: JSON`).join('');
    const variables = asked.flatMap(({ campaignId, placementId, customerId, context }, index) => [
      [`k${index}`, campaignId],
      [`i${index}`, customerId],
      [`p${index}`, placementId],
      [`x${index}`, context],
    ]);
    const data = await this.ask(`query ($c: ID!${declared}) { ${parts.join(' ')} }`, { c: clientId, ...Object.fromEntries(variables) });
    return asked.map(({ campaignId, placementId }, index) =>
      data[`s${index}`] === null ? null : { campaignId, placementId, ...data[`s${index}`] },
    );
  }

  /** What came of coupons: of the customers who ever used one. */
  async couponResults(): Promise<{ readonly customers: number; readonly orders: number; readonly revenue: string }> {
    const { customerSummary } = await this.ask(
      'query ($c: ID!, $f: Criteria!) { customerSummary(clientId: $c, filter: $f) { customers orders revenue } }',
      { c: clientId, f: { segment: 'used-a-coupon' } },
    );
    return customerSummary;
  }

  /** When the client was registered: the day on which the times of its history end. */
  async setUpAt(): Promise<string | null> {
    const { history } = await this.ask(
      'query ($c: ID!) { history(entity: {kind: CLIENT, clientId: $c}, first: 1) { edges { node { time } } } }',
      {
        c: clientId,
      },
    );
    return history.edges[0]?.node.time ?? null;
  }

  private async ask(query: string, variables: object) {
    if (this.admin === undefined) throw new AdminAway('the demo is still being set up');
    if (this.underWay >= questionsMax) throw new AdminAway('too many questions at once');
    this.underWay += 1;
    try {
      return await this.admin.ask(query, variables);
    } finally {
      this.underWay -= 1;
    }
  }
}
