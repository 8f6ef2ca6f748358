import { CommandBus } from '@nestjs/cqrs';
import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { Asker, type Caller } from '../access/caller.js';
import type { Written } from '../access/write-side.js';
import { RegisterContent, ReviseContent } from './content-commands.js';
import { Content, RegisterContentInput, RegisterContentPayload } from './content-types.js';

@Resolver(() => Content)
export class ContentResolver {
  constructor(private readonly commands: CommandBus) {}

  @Mutation(() => RegisterContentPayload)
  async registerContent(@Args('input') input: RegisterContentInput, @Asker() caller: Caller): Promise<RegisterContentPayload> {
    return payload(input, await this.commands.execute(new RegisterContent(caller, input)));
  }

  @Mutation(() => RegisterContentPayload, { description: 'What is not given is taken away.' })
  async reviseContent(@Args('input') input: RegisterContentInput, @Asker() caller: Caller): Promise<RegisterContentPayload> {
    return payload(input, await this.commands.execute(new ReviseContent(caller, input)));
  }
}

function payload({ contentId }: RegisterContentInput, { definitions, position, userErrors }: Written): RegisterContentPayload {
  return { content: definitions?.contents.get(contentId) ?? null, position, userErrors };
}
