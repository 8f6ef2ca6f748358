import type { Analytics } from '#libs/analytics';
import type { EventLog, Position } from '#libs/event-log';
import type { ClientDefinitions } from '#libs/projections';
import type { CustomerHash, SnapshotPublication } from '#libs/snapshots';
import type { BuilderMetrics } from './metrics.js';

export interface SnapshotBuilderOptions {
  /** `VITRINE_INCREMENT_SECONDS`: how often the customers touched since are judged again. */
  readonly incrementSeconds: number;
  /** Whole audiences built at once, and increments beside them; 2 when absent. */
  readonly audiencesAtOnce?: number;
  /** More touched customers than this are judged by a full build; 450,000 when absent. */
  readonly touchedMax?: number;
  /** Bytes of images and their increments kept in memory for increments; what is put out is fetched again. 512 MiB when absent. */
  readonly imageBytesMax?: number;
}

/** What the definitions say, and the log's position up to which they do. Both are of the same moment. */
export interface DefinitionsAt {
  readonly position: Position | null;
  readonly definitions: ClientDefinitions | undefined;
}

export interface BuilderParts {
  readonly log: Pick<EventLog, 'append' | 'readStream' | 'readAt'>;
  readonly analytics: Pick<Analytics, 'projectedTo' | 'audience' | 'customersByHash' | 'touched'>;
  readonly publication: Pick<SnapshotPublication, 'publish' | 'publishIncrement' | 'progress' | 'current' | 'fetch' | 'increments'>;
  readonly metrics: BuilderMetrics;
  readonly clock: () => Date;
  readonly options: SnapshotBuilderOptions;
  /** Only tests give another. */
  readonly hash?: CustomerHash;
  definitionsOf(clientId: string): DefinitionsAt;
  report(message: string, error?: unknown): void;
}
