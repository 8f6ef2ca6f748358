import type { Interruptible } from '../slices.js';
import { CustomerRows, chunkMask, chunkShift, halves } from './customer-rows.js';
import { type Change, inOrder } from './increment.js';
import { MembershipTable } from './membership-table.js';

/** What a builder has taken: the rows, and of hashes that several customers have, how many rows, and who the customers are. */
export interface TakenCustomers {
  readonly rows: CustomerRows;
  readonly table: MembershipTable;
  readonly colliding: Map<bigint, number>;
  readonly apart: Map<string, { readonly hash: bigint; readonly number: number }>;
}

const rowsAtOnce = 4_096;

/**
 * The same with changes, put together anew in the order of hashes. Sets are numbered again in that order: one that nobody has any more leaves no trace, so
 * that the same content is the same bytes.
 */
export function* amended(before: TakenCustomers, width: number, given: readonly Change[]): Interruptible<TakenCustomers> {
  const changes = yield* inOrder(given);
  const amending = new Amending(before, width);
  for (let at = 0; at < changes.length; ) {
    const { hash } = changes[at]!;
    let end = at + 1;
    while (end < changes.length && changes[end]!.hash === hash) end += 1;
    const [low, high] = halves(hash);
    while (amending.isBefore(low, high)) {
      amending.takeSome(low, high);
      yield;
    }
    amending.replace(hash, changes.slice(at, end));
    at = end;
  }
  while (!amending.isAtEnd) {
    amending.takeSome();
    yield;
  }
  return amending.now;
}

class Amending {
  readonly now: TakenCustomers;
  private readonly numbers: Int32Array;
  private readonly words: Uint32Array;
  private readonly sharing = new Map<bigint, string[]>();
  /** The next row of before. */
  private row = 0;

  constructor(
    private readonly before: TakenCustomers,
    private readonly width: number,
  ) {
    this.now = { rows: new CustomerRows(), table: new MembershipTable(width), colliding: new Map(), apart: new Map() };
    this.numbers = new Int32Array(before.table.count).fill(-1);
    this.words = before.table.words();
    for (const [customerId, { hash }] of before.apart) {
      const its = this.sharing.get(hash) ?? [];
      its.push(customerId);
      this.sharing.set(hash, its);
    }
  }

  get isAtEnd(): boolean {
    return this.row >= this.before.rows.count;
  }

  isBefore(low: number, high: number): boolean {
    return !this.isAtEnd && this.before.rows.compare(this.row, low, high) < 0;
  }

  /** Takes over the next rows, no further than before this hash. */
  takeSome(low?: number, high?: number): void {
    const { rows, colliding } = this.before;
    for (let left = rowsAtOnce; left > 0 && !this.isAtEnd; left -= 1) {
      if (low !== undefined && high !== undefined && rows.compare(this.row, low, high) >= 0) return;
      if (colliding.size > 0 && colliding.has(rows.hashAt(this.row))) this.takeShared(rows.hashAt(this.row));
      else {
        const chunk = rows.chunks[this.row >>> chunkShift]!;
        const place = (this.row & chunkMask) * 3;
        this.now.rows.push(chunk[place]!, chunk[place + 1]!, this.renumbered(chunk[place + 2]!));
        this.row += 1;
      }
    }
  }

  /** All customers of the hash who are named, or the one whom it is of, have these sets now. */
  replace(hash: bigint, changes: readonly Change[]): void {
    const [low, high] = halves(hash);
    const { rows, table, colliding, apart } = this.now;
    while (!this.isAtEnd && this.before.rows.compare(this.row, low, high) === 0) this.row += 1;
    const [first] = changes;
    if (first !== undefined && first.customerId === undefined) {
      rows.push(low, high, table.intern(first.set, 0));
      return;
    }
    const named = new Map(changes.map(({ customerId, set }) => [customerId!, set]));
    for (const id of this.sharing.get(hash) ?? []) if (!named.has(id)) this.keepApart(id, hash);
    for (const [id, set] of named) apart.set(id, { hash, number: table.intern(set, 0) });
    this.share(low, high, 2);
    colliding.set(hash, 2);
  }

  private takeShared(hash: bigint): void {
    const [low, high] = halves(hash);
    const count = this.before.colliding.get(hash)!;
    for (const id of this.sharing.get(hash) ?? []) this.keepApart(id, hash);
    this.share(low, high, count);
    this.now.colliding.set(hash, count);
    this.row += count;
  }

  private keepApart(customerId: string, hash: bigint): void {
    this.now.apart.set(customerId, { hash, number: this.renumbered(this.before.apart.get(customerId)!.number) });
  }

  /** Rows of a hash that several have: their numbers are those of the customers who are kept apart. */
  private share(low: number, high: number, rows: number): void {
    for (let row = 0; row < rows; row += 1) this.now.rows.push(low, high, 0);
  }

  private renumbered(number: number): number {
    const known = this.numbers[number]!;
    if (known >= 0) return known;
    const given = this.now.table.intern(this.words, number * this.width);
    this.numbers[number] = given;
    return given;
  }
}
