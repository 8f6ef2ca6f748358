import { Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsIn, IsOptional, IsString } from 'class-validator';
import type { JsonLike } from '#libs/domain';
import { connectionOf } from '../graphql/connection.js';
import { DateTimeScalar, JsonScalar } from '../graphql/scalars.js';

export const EntityKind = { CLIENT: 'client', CONTENT: 'content', SEGMENT: 'segment', CAMPAIGN: 'campaign' } as const;
registerEnumType(EntityKind, { name: 'EntityKind' });

@InputType()
export class EntityInput {
  @Field(() => EntityKind)
  @IsIn(Object.values(EntityKind))
  kind!: 'client' | 'content' | 'segment' | 'campaign';

  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID, { nullable: true, description: 'Absent for a client.' })
  @IsOptional()
  @IsString()
  id?: string | null;
}

@ObjectType()
export class HistoryEntry {
  @Field(() => Int)
  revision!: number;
  @Field()
  type!: string;
  @Field(() => DateTimeScalar)
  time!: Date;
  @Field()
  actor!: string;
  @Field(() => JsonScalar)
  data!: JsonLike;
}

export const HistoryConnection = connectionOf(HistoryEntry, 'History', null);
