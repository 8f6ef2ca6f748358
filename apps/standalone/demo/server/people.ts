/** "Be someone else": real customers of the data, found by asking the system for members of each segment and what each would be shown now. */
import type { KnownCustomer, Preview, RunningSystem, Segment, SlotAsked } from './system.js';

export interface Person {
  readonly customerId: string;
  readonly fields: NonNullable<KnownCustomer['fields']>;
  readonly segmentIds: readonly string[];
  /** What this person would be shown: home page, welcome-back bar, basket. */
  readonly sees: readonly (Preview | null)[];
}

export interface People {
  readonly segments: readonly (Segment & { readonly person: Person | undefined })[];
  /** One of each group of the four-way test. */
  readonly groups: readonly Person[];
}

const welcomeBack = { campaignId: 'welcome-back', placementId: 'bar', context: { page_type: 'home' } };
const places: readonly (SlotAsked & { readonly context: object })[] = [
  { campaignId: 'home', placementId: 'top', context: { page_type: 'home' } },
  welcomeBack,
  { campaignId: 'basket', placementId: 'offer', context: { page_type: 'cart', cart_items: 1, cart_total: '12.75' } },
];

export async function findPeople(system: RunningSystem): Promise<People> {
  const segments = await system.segments();
  const samples = await system.samples(segments.map(({ segmentId }) => segmentId));
  const candidates = await system.customers([...new Set(samples.flat())].slice(0, 100));
  const byId = new Map(candidates.map((customer) => [customer.customerId, customer]));
  const chosen = new Map<string, string>();
  segments.forEach(({ segmentId }, index) => {
    // Whoever is in the fewest other segments shows this one best; nobody stands for two.
    const members = (samples[index] ?? [])
      .flatMap((id) => byId.get(id) ?? [])
      .filter(({ customerId }) => ![...chosen.values()].includes(customerId));
    const [best] = members.sort((a, b) => a.segmentIds.length - b.segmentIds.length || (a.customerId < b.customerId ? -1 : 1));
    if (best !== undefined) chosen.set(segmentId, best.customerId);
  });
  // Whoever is known by now: ten alone may all have been drawn into the same groups.
  const repeat = candidates.filter(({ segmentIds }) => segmentIds.includes('repeat-visitors')).map(({ customerId }) => customerId);
  const drawn = await system.previews(repeat.map((customerId) => ({ ...welcomeBack, customerId })));
  const groupOf = new Map<string, string>();
  repeat.forEach((customerId, index) => {
    const group = drawn[index]?.group;
    if (typeof group === 'string' && !groupOf.has(group)) groupOf.set(group, customerId);
  });
  const ids = [...new Set([...chosen.values(), ...groupOf.values()])];
  const answers = await system.previews(ids.flatMap((customerId) => places.map((place) => ({ ...place, customerId }))));
  const people = new Map<string, Person>();
  ids.forEach((customerId, index) => {
    const customer = byId.get(customerId);
    if (customer !== undefined)
      people.set(customerId, { ...customer, sees: answers.slice(index * places.length, (index + 1) * places.length) });
  });
  return {
    segments: segments.map((segment) => ({ ...segment, person: people.get(chosen.get(segment.segmentId) ?? '') })),
    groups: [...groupOf.values()].flatMap((customerId) => people.get(customerId) ?? []),
  };
}

/** Asks at most every so often: many visitors look at the same page. A failed question is not kept. */
export function remembered<T>(ask: () => Promise<T>, forMs: number): () => Promise<T> {
  let kept: { readonly until: number; readonly answer: Promise<T> } | undefined;
  return () => {
    if (kept !== undefined && Date.now() < kept.until) return kept.answer;
    const answer = ask();
    const mine = { until: Date.now() + forMs, answer };
    kept = mine;
    answer.catch(() => {
      if (kept === mine) kept = undefined;
    });
    return answer;
  };
}
