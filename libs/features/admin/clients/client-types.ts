import { Field, Float, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsInt, IsNumber, IsOptional, IsString } from 'class-validator';
import { originsMax } from '#libs/domain';
import type { Position } from '#libs/event-log';
import type { ClientDefinition } from '#libs/projections';
import { PositionScalar } from '../graphql/scalars.js';
import { UserError } from '../graphql/user-error.js';

@InputType()
export class RegisterClientInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field()
  @IsString()
  name!: string;

  @Field(() => String, { nullable: true, defaultValue: 'UTC', description: 'IANA name; whole-day windows and request conditions use it.' })
  @IsOptional()
  @IsString()
  timeZone?: string | null;

  @Field(() => String, { nullable: true, defaultValue: 'USD', description: 'ISO 4217.' })
  @IsOptional()
  @IsString()
  currency?: string | null;

  @Field(() => [String], { nullable: true, defaultValue: [], description: 'Origins that may use credentials.' })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(originsMax)
  @IsString({ each: true })
  origins?: string[] | null;

  @Field(() => Float, { nullable: true, defaultValue: 1, description: 'Share of answers that are recorded, in (0, 1].' })
  @IsOptional()
  @IsNumber()
  sampleRate?: number | null;

  @Field(() => Int, { nullable: true, defaultValue: 900, description: 'Seconds between full audience builds; increments come between.' })
  @IsOptional()
  @IsInt()
  snapshotIntervalSeconds?: number | null;

  @Field(() => Int, { nullable: true, description: 'An audience older than this answers STALE; null: never.' })
  @IsOptional()
  @IsInt()
  snapshotMaxAgeSeconds?: number | null;
}

@InputType({ description: 'What is given is changed.' })
export class ReviseClientInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  name?: string | null;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  timeZone?: string | null;

  @Field(() => [String], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(originsMax)
  @IsString({ each: true })
  origins?: string[] | null;

  @Field(() => Float, { nullable: true })
  @IsOptional()
  @IsNumber()
  sampleRate?: number | null;

  @Field(() => Int, { nullable: true })
  @IsOptional()
  @IsInt()
  snapshotIntervalSeconds?: number | null;

  @Field(() => Int, { nullable: true, description: 'Null: answers never go stale.' })
  @IsOptional()
  @IsInt()
  snapshotMaxAgeSeconds?: number | null;
}

@ObjectType()
export class Client implements ClientDefinition {
  @Field(() => ID)
  clientId!: string;
  @Field()
  name!: string;
  @Field()
  timeZone!: string;
  @Field()
  currency!: string;
  @Field(() => [String])
  origins!: readonly string[];
  @Field(() => Float)
  sampleRate!: number;
  @Field(() => Int)
  snapshotIntervalSeconds!: number;
  @Field(() => Int, { nullable: true })
  snapshotMaxAgeSeconds!: number | null;
}

@ObjectType()
export class RegisterClientPayload {
  @Field(() => Client, { nullable: true })
  client!: Client | null;
  @Field(() => PositionScalar, { nullable: true })
  position!: Position | null;
  @Field(() => [UserError])
  userErrors!: readonly UserError[];
}
