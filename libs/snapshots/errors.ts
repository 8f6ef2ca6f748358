export class SnapshotsUnavailable extends Error {
  readonly code = 'SNAPSHOTS_UNAVAILABLE';
}
export class StalePublication extends Error {
  readonly code = 'STALE_PUBLICATION';
}
export class SnapshotMissing extends Error {
  readonly code = 'SNAPSHOT_MISSING';
}
export class SnapshotCorrupt extends Error {
  readonly code = 'SNAPSHOT_CORRUPT';
}
/** Past a limit of the formats (`audienceBytesMax`, `incrementBytesMax`, `overlayCustomersMax`). */
export class SnapshotTooLarge extends Error {
  readonly code = 'SNAPSHOT_TOO_LARGE';
}
