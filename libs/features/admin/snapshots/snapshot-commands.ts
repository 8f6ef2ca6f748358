import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { snapshotCodec, snapshotStream } from '#libs/domain';
import type { Caller } from '../access/caller.js';
import { WriteSide, type Written } from '../access/write-side.js';
import type { RequestSnapshotInput } from './snapshot-types.js';

export class RequestSnapshot extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: RequestSnapshotInput,
  ) {
    super();
  }
}

@CommandHandler(RequestSnapshot)
export class RequestSnapshotHandler implements ICommandHandler<RequestSnapshot> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input: { clientId, kind = null } }: RequestSnapshot): Promise<Written> {
    return this.write.record(caller, clientId, () => snapshotStream(clientId, kind), snapshotCodec, { type: 'SnapshotRequested', kind });
  }
}

export const snapshotHandlers = [RequestSnapshotHandler];
