import { Field, ID, ObjectType } from '@nestjs/graphql';
import type { Decision as Decided } from '#libs/domain';
import { DateTimeScalar } from '../graphql/scalars.js';

/** What an answer says of its content and why, given or computed. */
@ObjectType({ isAbstract: true })
export abstract class Chosen {
  @Field(() => ID, { nullable: true })
  contentId!: string | null;
  @Field(() => ID, { nullable: true })
  segmentId!: string | null;
  @Field(() => ID, { nullable: true })
  ruleId!: string | null;
  @Field(() => ID, { nullable: true })
  group!: string | null;
  @Field()
  reason!: string;
}

export const stepsMeaning = 'In order: each rule considered, whether it matched, and why not.';

@ObjectType()
export class Decision extends Chosen {
  @Field(() => ID)
  decisionId!: string;
  @Field(() => ID)
  clientId!: string;
  @Field(() => ID)
  campaignId!: string;
  @Field(() => ID)
  customerId!: string;
  @Field(() => DateTimeScalar)
  time!: string;
  @Field(() => String, { nullable: true })
  audience!: string | null;
  @Field(() => String, { nullable: true })
  playbook!: string | null;
}

@ObjectType({ description: 'A past answer, and the same answer computed again from the log and the snapshot versions it names.' })
export class Explanation {
  @Field(() => Decision)
  recorded!: Decision;
  @Field(() => Decision, { nullable: true, description: 'Null when a named snapshot is past retention.' })
  recomputed!: Decision | null;
  @Field(() => Boolean, { nullable: true })
  agrees!: boolean | null;
  @Field(() => [String], { description: stepsMeaning })
  steps!: readonly string[];
}

export function chosenBy({ content, segmentId, ruleId, group, reason }: Decided): Chosen {
  return { contentId: content?.contentId ?? null, segmentId, ruleId, group, reason };
}
