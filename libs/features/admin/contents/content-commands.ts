import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type ContentCommand, type ContentEvent, type ContentState, content, contentCodec, contentStream } from '#libs/domain';
import type { ClientDefinitions } from '#libs/projections';
import type { Caller } from '../access/caller.js';
import { type Concept, WriteSide, type Written } from '../access/write-side.js';
import type { RegisterContentInput } from './content-types.js';

const contents: Concept<ContentState, ContentCommand, ContentEvent> = {
  decider: content,
  codec: contentCodec,
  streamOf: (ids) => contentStream(ids.clientId, ids.contentId ?? ''),
};

function about({ type: contentType, ...fields }: RegisterContentInput, known: ClientDefinitions | null) {
  return { contentType, ...fields, known };
}

export class RegisterContent extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: RegisterContentInput,
  ) {
    super();
  }
}

@CommandHandler(RegisterContent)
export class RegisterContentHandler implements ICommandHandler<RegisterContent> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: RegisterContent): Promise<Written> {
    return this.write.follow(caller, contents, input, (known): ContentCommand => ({ ...about(input, known), type: 'RegisterContent' }));
  }
}

export class ReviseContent extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: RegisterContentInput,
  ) {
    super();
  }
}

@CommandHandler(ReviseContent)
export class ReviseContentHandler implements ICommandHandler<ReviseContent> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: ReviseContent): Promise<Written> {
    return this.write.follow(caller, contents, input, (known): ContentCommand => ({ ...about(input, known), type: 'ReviseContent' }));
  }
}

export const contentHandlers = [RegisterContentHandler, ReviseContentHandler];
