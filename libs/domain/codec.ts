import type { JsonLike } from './json.js';

/** What stands in the log of one event: `schema` is the version of the shape of `data`, from 1, and is kept in the metadata. */
export interface StoredShape {
  readonly type: string;
  readonly schema: number;
  readonly data: { readonly [key: string]: JsonLike };
}

/** One per concept: writes today's shape, reads every shape that was ever written. */
export interface Codec<Event> {
  encode(event: Event): StoredShape;
  /** Undefined for event types of other concepts. @throws UnreadableEvent for a version from the future or data of another shape. */
  decode(stored: StoredShape): Event | undefined;
}

export class UnreadableEvent extends Error {
  readonly code = 'UNREADABLE_EVENT';
}
