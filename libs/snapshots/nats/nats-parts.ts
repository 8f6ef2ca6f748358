import type { NatsLink } from '#libs/nats';
import type { NatsAcknowledgements } from './acknowledgements.js';
import type { Deltas } from './deltas.js';
import type { NatsPointers } from './pointers.js';

/** What readers and builders of snapshots over NATS work with. */
export interface NatsParts {
  readonly link: NatsLink;
  readonly pointers: NatsPointers;
  readonly deltas: Deltas;
  readonly nodes: NatsAcknowledgements;
  readonly report: (message: string) => void;
}
