/** The shop that all rows serve: its customers, its audience, its playbook, published as the snapshot builder does. */
import type { Playbook, PlaybookContent } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { AudienceBuilder, type AudienceImage, customerHash, playbookImage, type SnapshotPublication } from '#libs/snapshots';

/** Recorded, and (but for one answer in a million, the least that a client can set) not recorded. Ids of one length: answers are of one size. */
export const clients = { recorded: 'shop', unrecorded: 'mute' } as const;

export const segmentIds = Array.from({ length: 40 }, (_, index) => ['vip', 'repeat', 'lapsed', 'browsers'][index] ?? `segment-${index}`);
/** 200 distinct sets of the 40 segments, as bits. */
const sets = Array.from({ length: 200 }, (_, index) => (BigInt(index + 1) * 0x9e3779b97f4a7c15n) & ((1n << 40n) - 1n));

/** 36 characters, as ids issued by the system are; test/bench/wrk/query.lua builds the same. */
export function idOf(customer: number): string {
  const scattered = ((customer * 268_435_399) % 4_294_967_296).toString(16).padStart(8, '0');
  return `019a${scattered.slice(0, 4)}-${scattered.slice(4)}-7c4e-9b2d-5f0e8c71a3d6`;
}

/** Which of the sets a customer has. */
export function setNumberOf(hash: bigint, edition = 0): number {
  return Number((hash >> 7n) % 199n) + edition;
}

/** Rows as ClickHouse streams them: hash and set of each customer, 16 bytes, in the order of hashes. `edition` 1 gives every customer another set. */
function sortedRows(customers: number, edition: 0 | 1): Uint8Array {
  const hashes = new BigUint64Array(customers);
  for (let customer = 0; customer < customers; customer += 1) hashes[customer] = customerHash(idOf(customer));
  hashes.sort();
  const rows = new BigUint64Array(customers * 2);
  for (let row = 0; row < customers; row += 1) {
    const hash = hashes[row] as bigint;
    rows[row * 2] = hash;
    rows[row * 2 + 1] = sets[setNumberOf(hash, edition)] as bigint;
  }
  return new Uint8Array(rows.buffer);
}

/** An image of so many customers, made by the builder's own code. */
export async function audienceOf(customers: number, edition: 0 | 1 = 0): Promise<AudienceImage> {
  const builder = new AudienceBuilder(segmentIds);
  const rows = sortedRows(customers, edition);
  await builder.take({ segmentIds, words: 1, chunks: chunksOf(rows) });
  return builder.image();
}

async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

/** Four rules with segments, conditions on the request and groups; contents with address and destination, as banners have. */
export function playbookOf(clientId: string, sampleRate: number): Playbook {
  const banner = (contentId: string): PlaybookContent => ({
    contentId,
    type: 'image',
    address: `https://cdn.shop.example/banners/2026/${contentId}.png`,
    body: null,
    destination: `https://shop.example/campaigns/home/${contentId}`,
    width: 728,
    height: 90,
    alt: `Our offer: ${contentId}`,
  });
  const contents = ['welcome', 'free-shipping', 'ten-percent', 'twenty-percent', 'we-miss-you', 'app'].map(banner);
  return {
    format: 1,
    clientId,
    timeZone: 'Europe/London',
    currency: 'GBP',
    origins: ['https://shop.example'],
    sampleRate,
    snapshotMaxAgeSeconds: null,
    contents: Object.fromEntries(contents.map((content) => [content.contentId, content])),
    campaigns: {
      home: {
        campaignId: 'home',
        status: 'running',
        startsAt: '2026-01-01T00:00:00.000Z',
        endsAt: null,
        defaultContentId: 'welcome',
        rules: [
          {
            ruleId: 'full-carts',
            priority: 1,
            segmentId: 'vip',
            when: { all: [{ field: 'context.cart_items', op: 'gte', value: 3 }] },
            contentId: 'free-shipping',
            groups: null,
          },
          {
            ruleId: 'coupons',
            priority: 2,
            segmentId: 'repeat',
            when: null,
            contentId: null,
            groups: [
              { groupId: 'control', weight: 2_000, contentId: 'welcome', control: true },
              { groupId: 'ten', weight: 4_000, contentId: 'ten-percent', control: false },
              { groupId: 'twenty', weight: 4_000, contentId: 'twenty-percent', control: false },
            ],
          },
          {
            ruleId: 'on-the-road',
            priority: 3,
            segmentId: 'lapsed',
            when: { all: [{ field: 'request.device', op: 'in', value: ['mobile', 'tablet'] }] },
            contentId: 'app',
            groups: null,
          },
          {
            ruleId: 'back-again',
            priority: 4,
            segmentId: 'browsers',
            when: { all: [{ field: 'request.hour', op: 'gte', value: 0 }] },
            contentId: 'we-miss-you',
            groups: null,
          },
        ],
      },
    },
  };
}

let lastPosition = 0n;

/** Publishes, later than everything before. */
export async function publish(publication: SnapshotPublication, clientId: string, what: AudienceImage | Playbook): Promise<void> {
  lastPosition += 1n;
  const said = { clientId, position: lastPosition as Position, builtAt: new Date().toISOString() };
  if ('campaigns' in what) {
    await publication.publish({ ...said, kind: 'playbook', image: playbookImage(what), customers: null, memberships: null });
  } else {
    const { bytes, customers, memberships } = what;
    await publication.publish({ ...said, kind: 'audience', image: bytes, customers, memberships });
  }
}
