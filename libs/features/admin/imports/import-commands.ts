import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { clientUnknown, type Rejected, refuseIds } from '#libs/domain';
import type { ImportView } from '#libs/imports';
import { type Caller, mayReach } from '../access/caller.js';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import type { StartImportInput } from './import-types.js';

export class StartImport extends Command<ImportView | Rejected> {
  constructor(
    readonly caller: Caller,
    readonly input: StartImportInput,
  ) {
    super();
  }
}

@CommandHandler(StartImport)
export class StartImportHandler implements ICommandHandler<StartImport> {
  constructor(@Inject(ADMIN_PARTS) private readonly parts: AdminParts) {}

  async execute({ caller: { actor, keyId, clientId }, input }: StartImport): Promise<ImportView | Rejected> {
    const refusal = refuseIds({ clientId: input.clientId });
    if (refusal !== undefined) return refusal;
    if (!mayReach({ keyId, clientId }, input.clientId)) return clientUnknown(input.clientId);
    const { clientId: of, uploadId, mapping } = input;
    return this.parts.imports.start({ clientId: of, uploadId, mapping, keyId, actor });
  }
}

export const importHandlers = [StartImportHandler];
