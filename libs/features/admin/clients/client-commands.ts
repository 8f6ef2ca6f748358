import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ClientCommand, type ClientEvent, type ClientState, client, clientCodec, clientStream } from '#libs/domain';
import type { Caller } from '../access/caller.js';
import { type Concept, WriteSide, type Written } from '../access/write-side.js';
import type { RegisterClientInput, ReviseClientInput } from './client-types.js';

const clients: Concept<ClientState, ClientCommand, ClientEvent> = {
  decider: client,
  codec: clientCodec,
  streamOf: (ids) => clientStream(ids.clientId),
};

export class RegisterClient extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: RegisterClientInput,
  ) {
    super();
  }
}

@CommandHandler(RegisterClient)
export class RegisterClientHandler implements ICommandHandler<RegisterClient> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: RegisterClient): Promise<Written> {
    return this.write.register(caller, clients, input, (): ClientCommand => ({ type: 'RegisterClient', ...withoutNulls(input) }));
  }
}

export class ReviseClient extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: ReviseClientInput,
  ) {
    super();
  }
}

@CommandHandler(ReviseClient)
export class ReviseClientHandler implements ICommandHandler<ReviseClient> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: ReviseClient): Promise<Written> {
    return this.write.follow(caller, clients, input, (): ClientCommand => ({ type: 'ReviseClient', ...withoutNulls(input) }));
  }
}

export const clientHandlers = [RegisterClientHandler, ReviseClientHandler];

type Nullable = RegisterClientInput | ReviseClientInput;
type Given<Input extends Nullable> = {
  [Name in keyof Input]: Name extends 'snapshotMaxAgeSeconds' ? Input[Name] : Exclude<Input[Name], null>;
};

/** Null is the same as absent, but for the age that may be without a limit. */
function withoutNulls<Input extends Nullable>(input: Input): Given<Input> {
  const given = Object.entries(input).filter(([name, value]) => name === 'snapshotMaxAgeSeconds' || value !== null);
  return Object.fromEntries(given) as Given<Input>;
}
