/** The criteria tree of segments, review, e-mail and request conditions: its types. Checks stand beside it. */

export type Criteria =
  | { readonly all: readonly Criteria[] }
  | { readonly any: readonly Criteria[] }
  | { readonly not: Criteria }
  | { readonly segment: string }
  | { readonly customers: readonly string[] }
  | Comparison;

export type Comparison = {
  /** A customer field (`orders.count`, `attributes.tier`, …) or a request's (`request.hour`, `context.cart_items`, …). */
  readonly field: string;
  readonly op: Op;
  readonly value: ComparisonValue;
  /** A window such as `30d` or `6h`: only for customer fields. */
  readonly within?: string;
};

export type ComparisonValue = string | number | boolean | readonly (string | number)[];

export type Op =
  | 'eq'
  | 'neq'
  | 'gt'
  | 'gte'
  | 'lt'
  | 'lte'
  | 'in'
  | 'notIn'
  | 'contains'
  | 'startsWith'
  | 'before'
  | 'after'
  | 'newerThan'
  | 'olderThan'
  | 'exists';
