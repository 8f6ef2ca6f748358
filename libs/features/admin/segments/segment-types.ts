import { Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsDefined, IsOptional, IsString } from 'class-validator';
import type { JsonLike } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { connectionOf } from '../graphql/connection.js';
import { CriteriaScalar, PositionScalar, SafeIntScalar } from '../graphql/scalars.js';
import { UserError } from '../graphql/user-error.js';

export const SegmentStatus = { ACTIVE: 'active', ARCHIVED: 'archived' } as const;
registerEnumType(SegmentStatus, { name: 'SegmentStatus' });

@InputType()
export class DefineSegmentInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID)
  @IsString()
  segmentId!: string;

  @Field()
  @IsString()
  name!: string;

  @Field(() => CriteriaScalar)
  @IsDefined()
  criteria!: JsonLike;
}

@InputType()
export class ReviseSegmentInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID)
  @IsString()
  segmentId!: string;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  name?: string | null;

  @Field(() => CriteriaScalar, { nullable: true })
  criteria?: JsonLike;
}

@InputType()
export class ArchiveSegmentInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID)
  @IsString()
  segmentId!: string;
}

@ObjectType()
export class Segment {
  @Field(() => ID)
  segmentId!: string;
  @Field()
  name!: string;
  @Field(() => CriteriaScalar)
  criteria!: JsonLike;
  @Field(() => SegmentStatus)
  status!: 'active' | 'archived';

  /** Resolved when asked for: it takes the newest audience. */
  readonly clientId!: string;
}

@ObjectType()
export class SegmentPayload {
  @Field(() => Segment, { nullable: true })
  segment!: Segment | null;
  @Field(() => PositionScalar, { nullable: true })
  position!: Position | null;
  @Field(() => [UserError])
  userErrors!: readonly UserError[];
}

@ObjectType()
export class SegmentPreview {
  @Field(() => SafeIntScalar)
  size!: number;
  @Field(() => Float, { description: 'Known members / known customers; 0 when there are none.' })
  share!: number;
  @Field(() => [ID], { description: 'Some members, at most ten.' })
  sample!: readonly string[];
}

export const SegmentConnection = connectionOf(Segment, 'Segment', Int);
