import type { ImportEvent, JsonLike } from '#libs/domain';
import type { Position } from '#libs/event-log';
import type { ImportCounts } from './run-import.js';

/** An import as it stands: from the log, and while it runs here from the run. */
export interface ImportView extends ImportCounts {
  readonly importId: string;
  readonly clientId: string;
  readonly status: 'running' | 'done' | 'failed';
  readonly fileName: string;
  readonly uploadId: string;
  readonly mapping: { readonly [name: string]: JsonLike };
  /** RFC 3339 in UTC. */
  readonly startedAt: string;
  readonly rejectedBecause: readonly { readonly reason: string; readonly rows: number }[];
  readonly events: readonly { readonly type: string; readonly count: number }[];
  readonly shiftDays: number;
  readonly failure: { readonly code: string; readonly message: string } | null;
  /** Of its newest event in the log. */
  readonly position: Position;
}

export const noCounts: ImportCounts = { read: 0, imported: 0, duplicate: 0, rejected: 0, skipped: 0 };

/** The view after one more event of its stream. */
export function viewAfter(view: ImportView | undefined, clientId: string, event: ImportEvent, position: Position): ImportView | undefined {
  switch (event.type) {
    case 'ImportStarted': {
      const { type: _, ...started } = event;
      return {
        ...started,
        clientId,
        status: 'running',
        ...noCounts,
        rejectedBecause: [],
        events: [],
        shiftDays: 0,
        failure: null,
        position,
      };
    }
    case 'RecordsImported': {
      const { type: _, ...outcome } = event;
      return view === undefined ? undefined : { ...view, ...outcome, status: 'done', position };
    }
    case 'ImportFailed': {
      const { type: _, code, message, ...counts } = event;
      return view === undefined ? undefined : { ...view, ...counts, status: 'failed', failure: { code, message }, position };
    }
  }
}
