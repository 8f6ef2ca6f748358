import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type Codec, type CommandIds, clientUnknown, type Decider, isRejected, type Rejected, refuseIds, rejected } from '#libs/domain';
import { type NewEvent, type Position, runCommand } from '#libs/event-log';
import type { ClientDefinitions } from '#libs/projections';
import { type UserError, userErrorOf } from '../graphql/user-error.js';
import { ADMIN_PARTS, type AdminParts, waitMsMaxDefault } from '../parts.js';
import { type Caller, mayReach } from './caller.js';

/** Where a concept's story stands, and how it goes on. */
export interface Concept<State, Command, Event> {
  readonly decider: Decider<State, Command, Event>;
  readonly codec: Codec<Event>;
  streamOf(ids: CommandIds): string;
}

/** How a command ended: the client's definitions as they are after it, or the refusals. */
export interface Written {
  readonly position: Position | null;
  readonly userErrors: readonly UserError[];
  readonly definitions: ClientDefinitions | null;
}

/** Every command of the admin: checked against the caller's key, decided with what the other streams say, appended, and read back. */
@Injectable()
export class WriteSide {
  private readonly lastOf = new Map<string, Promise<unknown>>();

  constructor(@Inject(ADMIN_PARTS) private readonly parts: AdminParts) {}

  /** `commandOf` gets what the log says of the client; null: there is no such client. @throws EventLogUnavailable, RevisionConflict, NotYet. */
  async follow<State, Command, Event>(
    caller: Caller,
    concept: Concept<State, Command, Event>,
    ids: CommandIds,
    commandOf: (known: ClientDefinitions | null) => Command,
  ): Promise<Written> {
    const refusal = refuseIds(ids) ?? (mayReach(caller, ids.clientId) ? undefined : clientUnknown(ids.clientId));
    if (refusal !== undefined) return refusedWith(refusal);
    return this.inTurn(ids.clientId, async () => {
      await this.parts.definitions.caughtUp();
      const { decider, codec } = concept;
      const target = { decider, codec, stream: concept.streamOf(ids), clientId: ids.clientId, actor: caller.actor };
      const outcome = await runCommand(this.parts.log, target, commandOf(this.parts.definitions.client(ids.clientId) ?? null));
      return isRejected(outcome) ? refusedWith(outcome) : this.readBack(ids.clientId, outcome.position);
    });
  }

  /** A client is not registered by a key that is for one client only. */
  async register<State, Command, Event>(
    caller: Caller,
    concept: Concept<State, Command, Event>,
    ids: CommandIds,
    commandOf: () => Command,
  ): Promise<Written> {
    const isOpen = caller.clientId === null;
    return isOpen ? this.follow(caller, concept, ids, commandOf) : refusedWith(rejected('FORBIDDEN', 'this takes a key for all clients'));
  }

  /** For what is only written down: there is nothing to decide, so no revision is expected. */
  async record<Event>(caller: Caller, clientId: string, stream: () => string, codec: Codec<Event>, event: Event): Promise<Written> {
    const refusal = refuseIds({ clientId });
    if (refusal !== undefined) return refusedWith(refusal);
    await this.parts.definitions.caughtUp();
    if (!mayReach(caller, clientId) || this.parts.definitions.client(clientId) === undefined) return refusedWith(clientUnknown(clientId));
    const { type, schema, data } = codec.encode(event);
    const written: NewEvent = { id: randomUUID(), type, data, metadata: { schema, clientId, actor: caller.actor } };
    const { position } = await this.parts.log.append(stream(), [written], 'any');
    return this.readBack(clientId, position);
  }

  private async readBack(clientId: string, position: Position | null): Promise<Written> {
    if (position !== null) await this.parts.definitions.waitFor(position, this.parts.options.waitMsMax ?? waitMsMaxDefault);
    return { position, userErrors: [], definitions: this.parts.definitions.client(clientId) ?? null };
  }

  /**
   * One command of a client after the other: two commands on different streams (a rule for a segment, the archiving of that segment)
   * would else both be decided before either is written. Several admins still can; docs/adr/0014 says what that means.
   */
  private async inTurn<T>(clientId: string, work: () => Promise<T>): Promise<T> {
    const before = this.lastOf.get(clientId) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.lastOf.set(clientId, turn);
    try {
      return await turn;
    } finally {
      if (this.lastOf.get(clientId) === turn) this.lastOf.delete(clientId);
    }
  }
}

function refusedWith(refusal: Rejected): Written {
  return { position: null, userErrors: [userErrorOf(refusal)], definitions: null };
}
