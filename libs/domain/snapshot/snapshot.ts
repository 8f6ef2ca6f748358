/** Snapshots in the log: that one was asked for, and that one was published. There is nothing to decide. */

export type SnapshotName = 'audience' | 'playbook';

export type SnapshotEvent =
  /** Null: both kinds. */
  | { readonly type: 'SnapshotRequested'; readonly kind: SnapshotName | null }
  | {
      readonly type: 'SnapshotPublished';
      readonly kind: SnapshotName;
      /** The first 16 hex digits of the image's sha256. */
      readonly version: string;
      /** A place in the log as a decimal string: all records up to here are in it. */
      readonly position: string;
      /** RFC 3339 in UTC. */
      readonly builtAt: string;
      readonly bytes: number;
      readonly sha256: string;
      /** Audience: customers and distinct sets of segments in it; null for a playbook. */
      readonly customers: number | null;
      readonly memberships: number | null;
    };

/** Of one kind; null: the stream of the requests for both. */
export function snapshotStream(clientId: string, kind: SnapshotName | null): string {
  return kind === null ? `snapshot-${clientId}` : `snapshot-${clientId}.${kind}`;
}
