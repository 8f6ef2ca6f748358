import { Field, ID, InputType, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsDefined, IsString } from 'class-validator';
import type { JsonLike } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { JsonScalar, PositionScalar, SafeIntScalar } from '../graphql/scalars.js';
import { UserError } from '../graphql/user-error.js';

export const ImportStatus = { RUNNING: 'running', DONE: 'done', FAILED: 'failed' } as const;
registerEnumType(ImportStatus, { name: 'ImportStatus' });

@InputType({ description: '`uploadId` comes from `POST /uploads` (same key, the file as the body; answers `{"uploadId"}`).' })
export class StartImportInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID)
  @IsString()
  uploadId!: string;

  @Field(() => JsonScalar, { description: 'Which column is what: see the documentation of `vitrine import`.' })
  @IsDefined()
  mapping!: JsonLike;
}

@ObjectType({ description: 'In rows: read = imported + duplicate + rejected + skipped.' })
export class Import {
  @Field(() => ID)
  importId!: string;
  @Field(() => ImportStatus)
  status!: 'running' | 'done' | 'failed';
  @Field(() => SafeIntScalar)
  read!: number;
  @Field(() => SafeIntScalar)
  imported!: number;
  @Field(() => SafeIntScalar)
  duplicate!: number;
  @Field(() => SafeIntScalar)
  rejected!: number;
  @Field(() => SafeIntScalar)
  skipped!: number;
  @Field(() => String, { nullable: true, description: 'Why it failed.' })
  error!: string | null;
}

@ObjectType()
export class StartImportPayload {
  @Field(() => Import, { nullable: true })
  import!: Import | null;
  @Field(() => PositionScalar, { nullable: true })
  position!: Position | null;
  @Field(() => [UserError])
  userErrors!: readonly UserError[];
}
