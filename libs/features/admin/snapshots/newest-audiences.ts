import { Inject, Injectable } from '@nestjs/common';
import type { Announcement, AudienceLookup } from '#libs/snapshots';
import { customerHash, Overlay, readAudience, segmentSizes } from '#libs/snapshots';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';

/** Audiences kept in memory, of the clients asked about last: an image takes about 8 bytes per customer. */
export const audiencesKeptMax = 4;

/** One client's newest audience, as nodes have it: the image and its increments. */
export class NewestAudience {
  private sizes: ReadonlyMap<string, number> | undefined;

  constructor(readonly lookup: AudienceLookup) {}

  /** Null for a segment that this audience does not know yet. */
  sizeOf(segmentId: string): number | null {
    this.sizes ??= segmentSizes(this.lookup);
    return this.sizes.get(segmentId) ?? null;
  }

  /** Customers in it, listed ones not yet seen too, and distinct sets of segments that any of them has. */
  counts(): { readonly customers: number; readonly memberships: number } {
    const perMembership = Array.from(this.lookup.sizes());
    return {
      customers: perMembership.reduce((sum, size) => sum + size, 0),
      memberships: perMembership.filter((size) => size > 0).length,
    };
  }

  segmentsOf(customerId: string): readonly string[] {
    const membership = this.lookup.membershipOf(customerHash(customerId), customerId);
    return membership < 0 ? [] : (this.lookup.memberships[membership] ?? []);
  }
}

interface Kept {
  readonly version: string;
  readonly overlay: Overlay;
  audience: NewestAudience;
}

/** Fetches what is current when it is asked for; only what changed is read again. */
@Injectable()
export class NewestAudiences {
  private readonly kept = new Map<string, Kept>();
  private readonly underWay = new Map<string, Promise<NewestAudience | null>>();

  constructor(@Inject(ADMIN_PARTS) private readonly parts: AdminParts) {}

  /** Null before the first. All who ask at the same moment (a page of segments) share one reading. @throws SnapshotsUnavailable. */
  of(clientId: string): Promise<NewestAudience | null> {
    const reading = this.underWay.get(clientId) ?? this.read(clientId).finally(() => this.underWay.delete(clientId));
    this.underWay.set(clientId, reading);
    return reading;
  }

  private async read(clientId: string): Promise<NewestAudience | null> {
    const current = await this.parts.publication.current(clientId, 'audience');
    if (current === null) return null;
    const before = this.kept.get(clientId);
    const kept = before?.version === current.version ? before : await this.fetch(current);
    const known = kept.overlay.sequence;
    if (current.increment > known) {
      for (const { bytes } of await this.parts.publication.increments(clientId, current.version, known)) kept.overlay.apply(bytes);
      kept.audience = new NewestAudience(kept.overlay);
    }
    this.keep(clientId, kept);
    return kept.audience;
  }

  private async fetch(current: Announcement): Promise<Kept> {
    const overlay = new Overlay(readAudience(await this.parts.publication.fetch(current)), current.version);
    return { version: current.version, overlay, audience: new NewestAudience(overlay) };
  }

  private keep(clientId: string, kept: Kept): void {
    // A Map keeps the order of insertion: the first is the one not asked for the longest.
    this.kept.delete(clientId);
    this.kept.set(clientId, kept);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= audiencesKeptMax) return;
      this.kept.delete(oldest);
    }
  }
}
