import { Inject, Injectable } from '@nestjs/common';
import { parseClientId, parseDefinitionId, rejected } from '#libs/domain';
import type { ClientDefinitions } from '#libs/projections';
import { refused } from '../graphql/errors.js';
import { ADMIN_PARTS, type AdminParts, waitMsMaxDefault } from '../parts.js';
import { type Caller, mayReach } from './caller.js';

/** What queries read, as far on as the caller asks, and of no client that the caller's key is not for. */
@Injectable()
export class ReadSide {
  private begun: Promise<void> | undefined;

  constructor(@Inject(ADMIN_PARTS) private readonly parts: AdminParts) {}

  /** Null: there is no such client, or none for this key. @throws ID_INVALID, NOT_YET. */
  async findClient(caller: Caller, clientId: string): Promise<ClientDefinitions | null> {
    if (parseClientId(clientId) === undefined) throw refused(rejected('ID_INVALID', 'this is no client’s id', ['clientId']));
    await this.definitionsSeen(caller);
    return (mayReach(caller, clientId) ? this.parts.definitions.client(clientId) : undefined) ?? null;
  }

  /** @throws CLIENT_UNKNOWN, ID_INVALID, NOT_YET. */
  async client(caller: Caller, clientId: string): Promise<ClientDefinitions> {
    const found = await this.findClient(caller, clientId);
    if (found === null) throw refused(rejected('CLIENT_UNKNOWN', 'there is no such client', ['clientId']));
    return found;
  }

  /** Resolves when the definitions have seen the position that the caller asks for. @throws NotYet. */
  async definitionsSeen(caller: Caller): Promise<void> {
    await this.begin();
    if (caller.after !== null) await this.parts.definitions.waitFor(caller.after, this.waitMs(caller));
  }

  /** The same for the tables. @throws NotYet, AnalyticsUnavailable. */
  async tablesSeen(caller: Caller): Promise<void> {
    if (caller.after !== null) await this.parts.analytics.waitFor(caller.after, this.waitMs(caller));
  }

  /** A process that has just started reads the log from its beginning: what it has not read yet is no reason to call a client unknown. */
  private begin(): Promise<void> {
    this.begun ??= this.parts.definitions.caughtUp().catch((error: unknown) => {
      this.begun = undefined;
      throw error;
    });
    return this.begun;
  }

  // One limit for the whole request, however many things it waits for.
  private waitMs({ askedAt }: Caller): number {
    return Math.max(0, (this.parts.options.waitMsMax ?? waitMsMaxDefault) - (performance.now() - askedAt));
  }
}

/** @throws ID_INVALID for what cannot be the id of a definition. */
export function requireDefinitionId(id: string, field: string): void {
  if (parseDefinitionId(id) === undefined) throw refused(rejected('ID_INVALID', 'this is no id of a definition', [field]));
}
