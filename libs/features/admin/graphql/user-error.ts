import { Field, ObjectType } from '@nestjs/graphql';
import type { Rejected } from '#libs/domain';

@ObjectType({
  description:
    'A refusal: ID_INVALID, <KIND>_EXISTS, <KIND>_UNKNOWN (CLIENT, CONTENT, SEGMENT, CAMPAIGN), CRITERIA_INVALID, SEGMENT_CYCLE, SEGMENT_ARCHIVED, SEGMENT_IN_USE, PRIORITY_TAKEN, WEIGHTS_DO_NOT_SUM, RULE_CONTENT, CAMPAIGN_ENDED, PERIOD_INVALID, URL_INVALID, FORBIDDEN and others. A query raises the same codes as GraphQL errors.',
})
export class UserError {
  @Field()
  code!: string;
  @Field()
  message!: string;
  @Field(() => [String], { nullable: true, description: 'Path into the input, such as ["rules", "0", "groups"].' })
  field!: readonly string[] | null;
}

export function userErrorOf({ code, message, field }: Rejected): UserError {
  return { code, message, field: field ?? null };
}
