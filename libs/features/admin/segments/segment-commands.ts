import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type SegmentCommand, type SegmentEvent, type SegmentState, segment, segmentCodec, segmentStream } from '#libs/domain';
import type { Caller } from '../access/caller.js';
import { type Concept, WriteSide, type Written } from '../access/write-side.js';
import type { ArchiveSegmentInput, DefineSegmentInput, ReviseSegmentInput } from './segment-types.js';

const segments: Concept<SegmentState, SegmentCommand, SegmentEvent> = {
  decider: segment,
  codec: segmentCodec,
  streamOf: (ids) => segmentStream(ids.clientId, ids.segmentId ?? ''),
};

export class DefineSegment extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: DefineSegmentInput,
  ) {
    super();
  }
}

@CommandHandler(DefineSegment)
export class DefineSegmentHandler implements ICommandHandler<DefineSegment> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: DefineSegment): Promise<Written> {
    return this.write.follow(caller, segments, input, (known): SegmentCommand => ({ type: 'DefineSegment', ...input, known }));
  }
}

export class ReviseSegment extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: ReviseSegmentInput,
  ) {
    super();
  }
}

@CommandHandler(ReviseSegment)
export class ReviseSegmentHandler implements ICommandHandler<ReviseSegment> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: ReviseSegment): Promise<Written> {
    return this.write.follow(caller, segments, input, (known): SegmentCommand => ({ type: 'ReviseSegment', ...given(input), known }));
  }
}

export class ArchiveSegment extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: ArchiveSegmentInput,
  ) {
    super();
  }
}

@CommandHandler(ArchiveSegment)
export class ArchiveSegmentHandler implements ICommandHandler<ArchiveSegment> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: ArchiveSegment): Promise<Written> {
    return this.write.follow(caller, segments, input, (known): SegmentCommand => ({ type: 'ArchiveSegment', ...input, known }));
  }
}

export const segmentHandlers = [DefineSegmentHandler, ReviseSegmentHandler, ArchiveSegmentHandler];

/** Null is the same as absent: neither a name nor criteria can be taken away. */
function given({ name, criteria, ...ids }: ReviseSegmentInput) {
  return { ...ids, name: name ?? undefined, criteria: criteria ?? undefined };
}
