import { CommandBus } from '@nestjs/cqrs';
import { Args, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Asker, type Caller } from '../access/caller.js';
import { ReadSide } from '../access/read-side.js';
import type { Written } from '../access/write-side.js';
import { RegisterClient, ReviseClient } from './client-commands.js';
import { Client, RegisterClientInput, RegisterClientPayload, ReviseClientInput } from './client-types.js';

@Resolver(() => Client)
export class ClientResolver {
  constructor(
    private readonly commands: CommandBus,
    private readonly read: ReadSide,
  ) {}

  @Query(() => Client, { nullable: true })
  async client(@Args('clientId', { type: () => ID }) clientId: string, @Asker() caller: Caller): Promise<Client | null> {
    return (await this.read.findClient(caller, clientId))?.client ?? null;
  }

  @Mutation(() => RegisterClientPayload)
  async registerClient(@Args('input') input: RegisterClientInput, @Asker() caller: Caller): Promise<RegisterClientPayload> {
    return payload(await this.commands.execute(new RegisterClient(caller, input)));
  }

  @Mutation(() => RegisterClientPayload)
  async reviseClient(@Args('input') input: ReviseClientInput, @Asker() caller: Caller): Promise<RegisterClientPayload> {
    return payload(await this.commands.execute(new ReviseClient(caller, input)));
  }
}

function payload({ definitions, position, userErrors }: Written): RegisterClientPayload {
  return { client: definitions?.client ?? null, position, userErrors };
}
