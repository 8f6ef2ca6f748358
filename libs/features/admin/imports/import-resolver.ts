import { Inject } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Args, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { isRejected } from '#libs/domain';
import type { ImportView } from '#libs/imports';
import { Asker, type Caller, mayReach } from '../access/caller.js';
import { ReadSide } from '../access/read-side.js';
import { userErrorOf } from '../graphql/user-error.js';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import { StartImport } from './import-commands.js';
import { Import, StartImportInput, StartImportPayload } from './import-types.js';

@Resolver(() => Import)
export class ImportResolver {
  constructor(
    private readonly commands: CommandBus,
    private readonly read: ReadSide,
    @Inject(ADMIN_PARTS) private readonly parts: AdminParts,
  ) {}

  @Query(() => Import, { nullable: true })
  async import(@Args('importId', { type: () => ID }) importId: string, @Asker() caller: Caller): Promise<Import | null> {
    await this.read.definitionsSeen(caller);
    const found = await this.parts.imports.find(importId);
    return found === undefined || !mayReach(caller, found.clientId) ? null : shown(found);
  }

  @Mutation(() => StartImportPayload)
  async startImport(@Args('input') input: StartImportInput, @Asker() caller: Caller): Promise<StartImportPayload> {
    const outcome = await this.commands.execute(new StartImport(caller, input));
    if (isRejected(outcome)) return { import: null, position: null, userErrors: [userErrorOf(outcome)] };
    return { import: shown(outcome), position: outcome.position, userErrors: [] };
  }
}

function shown({ importId, status, read, imported, duplicate, rejected, skipped, failure }: ImportView): Import {
  return { importId, status, read, imported, duplicate, rejected, skipped, error: failure?.message ?? null };
}
