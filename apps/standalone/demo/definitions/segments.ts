/** Who is told apart. Every field is computed by the system from what customers did; nobody is put in by hand. */

export interface SegmentDefinition {
  readonly segmentId: string;
  readonly name: string;
  readonly criteria: object;
}

const ordersAtLeast = (count: number) => ({ field: 'orders.count', op: 'gte', value: count });
const boughtToday = { field: 'orders.last', op: 'newerThan', value: '1d' };

export const demoSegments: readonly SegmentDefinition[] = [
  { segmentId: 'best-customers', name: 'Spent £5,000 or more', criteria: { field: 'orders.total', op: 'gte', value: 5000 } },
  {
    segmentId: 'lapsed',
    name: 'Bought, but not in the last 90 days',
    criteria: { all: [ordersAtLeast(1), { field: 'orders.last', op: 'olderThan', value: '90d' }] },
  },
  { segmentId: 'bought', name: 'Bought at least once', criteria: ordersAtLeast(1) },
  { segmentId: 'bought-today', name: 'Bought today', criteria: boughtToday },
  { segmentId: 'repeat-visitors', name: 'Visited more than once', criteria: { field: 'visits.count', op: 'gt', value: 1 } },
  {
    segmentId: 'first-visit',
    name: 'On the first visit, nothing bought yet',
    criteria: { all: [{ field: 'visits.count', op: 'eq', value: 1 }, { not: ordersAtLeast(1) }] },
  },
  {
    segmentId: 'basket-filled',
    name: 'Put something into the basket, bought nothing today',
    criteria: { all: [{ field: 'cart.adds', op: 'gte', value: 1 }, { not: boughtToday }] },
  },
  {
    segmentId: 'undecided',
    name: 'Took things out of the basket, three times over',
    criteria: { all: [{ field: 'cart.removes', op: 'gte', value: 3 }, { not: boughtToday }] },
  },
  {
    segmentId: 'left-a-basket',
    name: 'Left a filled basket on an earlier visit',
    criteria: { field: 'cart.abandons', op: 'gte', value: 1 },
  },
  { segmentId: 'used-a-coupon', name: 'Ordered with a coupon', criteria: { field: 'coupons.used', op: 'gte', value: 1 } },
];
