import { Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsBoolean, IsDate, IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';
import { groupsPerRuleMax, type JsonLike, rulesPerCampaignMax } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { connectionOf } from '../graphql/connection.js';
import { CriteriaScalar, DateTimeScalar, PositionScalar } from '../graphql/scalars.js';
import { UserError } from '../graphql/user-error.js';

export const CampaignStatus = { DRAFT: 'draft', RUNNING: 'running', PAUSED: 'paused', ENDED: 'ended' } as const;
registerEnumType(CampaignStatus, { name: 'CampaignStatus' });

@InputType()
export class CreateCampaignInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID)
  @IsString()
  campaignId!: string;

  @Field()
  @IsString()
  name!: string;

  @Field(() => ID, { nullable: true, description: 'Shown to whom no rule matches; null: nothing.' })
  @IsOptional()
  @IsString()
  defaultContentId?: string | null;

  @Field(() => DateTimeScalar, { nullable: true })
  @IsOptional()
  @IsDate()
  startsAt?: Date | null;

  @Field(() => DateTimeScalar, { nullable: true })
  @IsOptional()
  @IsDate()
  endsAt?: Date | null;
}

@InputType()
export class GroupInput {
  @Field(() => ID)
  @IsString()
  groupId!: string;

  @Field(() => Int, { description: 'Ten-thousandths; the groups of a rule sum to 10000.' })
  @IsInt()
  weight!: number;

  @Field(() => ID, { nullable: true, description: 'Null: this group is shown nothing.' })
  @IsOptional()
  @IsString()
  contentId?: string | null;

  @Field(() => Boolean, { nullable: true, defaultValue: false })
  @IsOptional()
  @IsBoolean()
  control?: boolean | null;
}

@InputType({ description: 'Either contentId or groups. Without segmentId a rule is for every customer.' })
export class RuleInput {
  @Field(() => ID)
  @IsString()
  ruleId!: string;

  @Field(() => Int, { description: 'The smallest wins; two rules of a campaign never share one.' })
  @IsInt()
  priority!: number;

  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsString()
  segmentId?: string | null;

  @Field(() => CriteriaScalar, { nullable: true, description: 'Conditions on the request: request.* and context.* fields.' })
  when?: JsonLike;

  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsString()
  contentId?: string | null;

  @Field(() => [GroupInput], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(groupsPerRuleMax)
  @ValidateNested({ each: true })
  @Type(() => GroupInput)
  groups?: GroupInput[] | null;
}

@InputType()
export class SetCampaignRulesInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID)
  @IsString()
  campaignId!: string;

  @Field(() => [RuleInput])
  @IsArray()
  @ArrayMaxSize(rulesPerCampaignMax)
  @ValidateNested({ each: true })
  @Type(() => RuleInput)
  rules!: RuleInput[];
}

@InputType()
export class CampaignInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID)
  @IsString()
  campaignId!: string;
}

@ObjectType()
export class Group {
  @Field(() => ID)
  groupId!: string;
  @Field(() => Int)
  weight!: number;
  @Field(() => ID, { nullable: true })
  contentId!: string | null;
  @Field()
  control!: boolean;
}

@ObjectType()
export class Rule {
  @Field(() => ID)
  ruleId!: string;
  @Field(() => Int)
  priority!: number;
  @Field(() => ID, { nullable: true })
  segmentId!: string | null;
  @Field(() => CriteriaScalar, { nullable: true })
  when!: JsonLike;
  @Field(() => ID, { nullable: true })
  contentId!: string | null;
  @Field(() => [Group], { nullable: true })
  groups!: readonly Group[] | null;
}

@ObjectType()
export class Campaign {
  @Field(() => ID)
  campaignId!: string;
  @Field()
  name!: string;
  @Field(() => CampaignStatus)
  status!: 'draft' | 'running' | 'paused' | 'ended';
  @Field(() => ID, { nullable: true })
  defaultContentId!: string | null;
  @Field(() => DateTimeScalar, { nullable: true })
  startsAt!: string | null;
  @Field(() => DateTimeScalar, { nullable: true })
  endsAt!: string | null;
  @Field(() => [Rule], { description: 'By rising priority.' })
  rules!: readonly Rule[];
}

@ObjectType()
export class CampaignPayload {
  @Field(() => Campaign, { nullable: true })
  campaign!: Campaign | null;
  @Field(() => PositionScalar, { nullable: true })
  position!: Position | null;
  @Field(() => [UserError])
  userErrors!: readonly UserError[];
}

export const CampaignConnection = connectionOf(Campaign, 'Campaign', Int);
