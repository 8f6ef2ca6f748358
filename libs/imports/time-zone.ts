import { IANAZone } from 'luxon';

/** Offsets change at whole quarters of an hour, so one look-up serves a quarter. */
const quarterMs = 15 * 60_000;
/** At most so many quarters are remembered: ten years of one zone. */
const quartersMax = 400_000;
const dayMs = 86_400_000;

/**
 * Reads local times of one zone. As Temporal's "compatible" does: of a time that a clock shows twice the earlier is meant, and one that a
 * clock skips is read with the offset from before the change (02:30 becomes 03:30).
 */
export class LocalTimes {
  private readonly zone: IANAZone;
  private readonly offsets = new Map<number, number>();

  constructor(timeZone: string) {
    this.zone = IANAZone.create(timeZone);
  }

  /** `local`: the calendar time as if in UTC, in milliseconds; so is the answer, in UTC. */
  toUtc(local: number): number {
    const before = this.offsetAt(local - dayMs);
    const after = this.offsetAt(local + dayMs);
    const early = local - before;
    if (before === after || this.offsetAt(early) === before) return early;
    const late = local - after;
    return this.offsetAt(late) === after ? late : early;
  }

  private offsetAt(time: number): number {
    const quarter = Math.floor(time / quarterMs);
    let offset = this.offsets.get(quarter);
    if (offset === undefined) {
      offset = Math.round(this.zone.offset(quarter * quarterMs) * 60_000);
      if (this.offsets.size >= quartersMax) this.offsets.clear();
      this.offsets.set(quarter, offset);
    }
    return offset;
  }
}
