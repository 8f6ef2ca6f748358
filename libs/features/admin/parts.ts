import type { Registry } from 'prom-client';
import type { Analytics } from '#libs/analytics';
import type { EventLog, Position } from '#libs/event-log';
import type { ImportRunner, UploadStore } from '#libs/imports';
import type { ApiKeyCheck, ClientDefinitions } from '#libs/projections';
import type { SnapshotPublication } from '#libs/snapshots';

/** The definitions as this process has read them. */
export interface DefinitionsReader {
  /** Undefined: no such client up to here. */
  client(clientId: string): ClientDefinitions | undefined;
  /** Resolves when what was in the log at the time of the call has been read. */
  caughtUp(): Promise<void>;
  /** @throws NotYet past `timeoutMs`. */
  waitFor(position: Position, timeoutMs: number): Promise<void>;
}

/** The API keys as this process has read them. */
export interface ApiKeysReader {
  readonly check: ApiKeyCheck;
  caughtUp(): Promise<void>;
}

export interface AdminOptions {
  /** How long a query waits for the position of `Vitrine-After`. */
  readonly waitMsMax?: number;
}

/** What the admin is made of: ports and readers, chosen by the app. */
export interface AdminParts {
  readonly log: EventLog;
  readonly analytics: Analytics;
  readonly publication: SnapshotPublication;
  readonly definitions: DefinitionsReader;
  readonly apiKeys: ApiKeysReader;
  readonly imports: Pick<ImportRunner, 'start' | 'find'>;
  readonly uploads: Pick<UploadStore, 'put'>;
  readonly registry: Registry;
  readonly clock: () => Date;
  readonly options: AdminOptions;
}

export const ADMIN_PARTS = Symbol('AdminParts');
export const waitMsMaxDefault = 10_000;
