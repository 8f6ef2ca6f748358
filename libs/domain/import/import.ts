/** Imports of files: when one began, and how it ended. What it brought are facts, written apart. */
import type { Decider } from '../decider.js';
import { rejected, unreachable } from '../decider.js';
import { parseDefinitionId } from '../ids.js';
import type { JsonLike } from '../json.js';
import { idInvalid, refuseIds } from '../refusals.js';

/** In rows. */
interface ImportRows {
  readonly read: number;
  readonly imported: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly skipped: number;
}

/** What the file brought: read = imported + duplicate + rejected + skipped. */
export interface ImportOutcome extends ImportRows {
  readonly rejectedBecause: readonly { readonly reason: string; readonly rows: number }[];
  /** How many events of each type the imported rows became. */
  readonly events: readonly { readonly type: string; readonly count: number }[];
  /** By how many days all times were moved; 0 without `"shift"`. */
  readonly shiftDays: number;
}

export type ImportEvent =
  | {
      readonly type: 'ImportStarted';
      readonly importId: string;
      readonly uploadId: string;
      readonly fileName: string;
      /** As it was given: the JSON of docs/import.md. */
      readonly mapping: { readonly [name: string]: JsonLike };
      /** RFC 3339 in UTC: "today" of `"shift": "endsToday"`. */
      readonly startedAt: string;
    }
  | ({ readonly type: 'RecordsImported' } & ImportOutcome)
  /** The rows are those before it failed; rows of groups that were still open are read only. */
  | ({ readonly type: 'ImportFailed'; readonly code: string; readonly message: string } & ImportRows);

export type ImportCommand =
  | {
      readonly type: 'StartImport';
      readonly clientId: string;
      readonly importId: string;
      readonly uploadId: string;
      readonly fileName: string;
      readonly mapping: { readonly [name: string]: JsonLike };
      readonly startedAt: string;
    }
  | ({ readonly type: 'FinishImport' } & ImportOutcome)
  | ({ readonly type: 'FailImport'; readonly code: string; readonly message: string } & ImportRows);

export interface ImportState {
  readonly status: 'none' | 'running' | 'done' | 'failed';
}

/** Events of an import stand in a stream of its own. */
export function importStream(clientId: string, importId: string): string {
  return `import-${clientId}.${importId}`;
}

/** A mapping may have so many characters as JSON: it is kept in the log. */
export const mappingLengthMax = 256 * 1024;

/** `import` itself is a word of the language. */
export const importDecider: Decider<ImportState, ImportCommand, ImportEvent> = {
  initial: { status: 'none' },

  decide(state, command) {
    switch (command.type) {
      case 'StartImport': {
        const { type: _, clientId, ...started } = command;
        const refused = refuseIds({ clientId });
        if (refused !== undefined) return refused;
        if (parseDefinitionId(command.importId) === undefined) return idInvalid(['importId']);
        if (JSON.stringify(command.mapping).length > mappingLengthMax) {
          return rejected('MAPPING_INVALID', `a mapping has at most ${mappingLengthMax} characters`, ['mapping']);
        }
        if (state.status !== 'none') return rejected('IMPORT_EXISTS', 'there is an import of this id', ['importId']);
        return [{ type: 'ImportStarted', ...started }];
      }
      case 'FinishImport': {
        if (state.status === 'none') return rejected('IMPORT_UNKNOWN', 'there is no such import');
        // A run that was cut between the append and its answer says the same again.
        if (state.status !== 'running') return [];
        const { type: _, ...outcome } = command;
        return [{ type: 'RecordsImported', ...outcome }];
      }
      case 'FailImport': {
        if (state.status === 'none') return rejected('IMPORT_UNKNOWN', 'there is no such import');
        if (state.status !== 'running') return [];
        const { type: _, ...failure } = command;
        return [{ type: 'ImportFailed', ...failure }];
      }
      default:
        return unreachable(command);
    }
  },

  evolve(_state, event) {
    switch (event.type) {
      case 'ImportStarted':
        return { status: 'running' };
      case 'RecordsImported':
        return { status: 'done' };
      case 'ImportFailed':
        return { status: 'failed' };
      default:
        return unreachable(event);
    }
  },
};
