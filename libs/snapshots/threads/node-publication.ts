import type { SnapshotPublication } from '../publication.js';

/** What a content-query node asks of the publication. */
export type NodePublication = Pick<SnapshotPublication, 'fetch' | 'placeOf' | 'increments' | 'watch' | 'acknowledge'>;
