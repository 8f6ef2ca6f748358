import type { Position } from '#libs/event-log';
import type { ClientDefinitions } from '#libs/projections';
import type { Announcement, Overlay } from '#libs/snapshots';
import type { WholeBuild } from './whole-build.js';

/** Why the audience is built whole. */
export type Why = 'first' | 'definitions' | 'requested' | 'interval' | 'touched' | 'increments';

/** What one step sees: the definitions and the tables hold all of the log up to `position`. */
export interface Sight {
  readonly announced: Announcement | null;
  readonly definitions: ClientDefinitions;
  readonly position: Position;
}

/** What an announced image was made by, and up to where the log asked for nothing else. */
export interface Standing {
  readonly version: string;
  readonly builtAt: string;
  readonly definitions: ClientDefinitions;
  readonly clearTo: Position;
}

/** What the increments on an image (known by its time) hold, also of what their positions do not say yet. */
export interface Judged {
  readonly builtAt: string;
  readonly upTo: Position;
  readonly asOf: Date;
}

export interface CatchingUp {
  readonly sight: Sight;
  readonly announced: Announcement;
  readonly overlay: Overlay;
  readonly standing: Standing;
}

export interface Begun {
  readonly building: WholeBuild;
  readonly isRequested: boolean;
  /** Call it when it is published. */
  readonly measured: () => void;
}

export function smaller(a: Position, b: Position): Position {
  if (a < b) return a;
  return b;
}

export function greater(a: Position, b: Position): Position {
  if (a > b) return a;
  return b;
}
