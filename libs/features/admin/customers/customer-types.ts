import { Field, ID, InputType, ObjectType } from '@nestjs/graphql';
import { IsDate } from 'class-validator';
import type { JsonLike } from '#libs/domain';
import { connectionOf } from '../graphql/connection.js';
import { DateTimeScalar, DecimalScalar, JsonScalar, SafeIntScalar } from '../graphql/scalars.js';

@InputType({ description: 'Half open: from ≤ time < to.' })
export class PeriodInput {
  @Field(() => DateTimeScalar)
  @IsDate()
  from!: Date;

  @Field(() => DateTimeScalar)
  @IsDate()
  to!: Date;
}

@ObjectType()
export class Customer {
  @Field(() => ID)
  customerId!: string;
  @Field(() => JsonScalar, {
    description:
      'The customer fields by name: counts as numbers, money as decimal strings with four digits, times in UTC with milliseconds, such as {"orders.count": 3, "orders.total": "271.4000", "orders.last": "2011-11-15T12:43:00.000Z"}; a missing one is null.',
  })
  fields!: JsonLike;

  /** Resolved when asked for: it takes the newest audience. */
  readonly clientId!: string;
}

@ObjectType()
export class SourceSummary {
  @Field({ description: 'arrival.source, such as `direct`, `unknown`.' })
  source!: string;
  @Field(() => SafeIntScalar)
  customers!: number;
  @Field(() => SafeIntScalar)
  purchasers!: number;
  @Field(() => SafeIntScalar)
  orders!: number;
  @Field(() => DecimalScalar)
  revenue!: string;
}

@ObjectType({ description: 'Of the customers the filter chooses (as of now), what they did within the period.' })
export class CustomerSummary {
  @Field(() => SafeIntScalar, { description: 'With any event within the period.' })
  customers!: number;
  @Field(() => SafeIntScalar, { description: 'Whose first event of all is within the period.' })
  newCustomers!: number;
  @Field(() => SafeIntScalar)
  purchasers!: number;
  @Field(() => SafeIntScalar, { description: 'Visits with an event within the period, counted per customer.' })
  visits!: number;
  @Field(() => SafeIntScalar)
  productViews!: number;
  @Field(() => SafeIntScalar)
  cartAdds!: number;
  @Field(() => SafeIntScalar, { description: 'Orders completed; refunds do not lower it.' })
  orders!: number;
  @Field(() => DecimalScalar, { description: 'Completed orders minus refunds, each by its own time.' })
  revenue!: string;
  @Field()
  currency!: string;
  @Field(() => [SourceSummary])
  bySource!: readonly SourceSummary[];
}

export const CustomerConnection = connectionOf(Customer, 'Customer', SafeIntScalar);
