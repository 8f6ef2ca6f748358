import { Inject } from '@nestjs/common';
import { Args, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { type JsonLike, rejected } from '#libs/domain';
import type { ClientDefinitions } from '#libs/projections';
import { Asker, type Caller } from '../access/caller.js';
import { ReadSide } from '../access/read-side.js';
import { type Connection, connection, keyAfter, PageArgs, pageSize } from '../graphql/connection.js';
import { refused } from '../graphql/errors.js';
import { CriteriaScalar, DateTimeScalar } from '../graphql/scalars.js';
import { ADMIN_PARTS, type AdminParts } from '../parts.js';
import { NewestAudiences } from '../snapshots/newest-audiences.js';
import { Customer, CustomerConnection, CustomerSummary, PeriodInput } from './customer-types.js';
import { contextOf, questionOf } from './question.js';

@Resolver(() => Customer)
export class CustomerResolver {
  constructor(
    private readonly read: ReadSide,
    private readonly audiences: NewestAudiences,
    @Inject(ADMIN_PARTS) private readonly parts: AdminParts,
  ) {}

  @Query(() => CustomerConnection, {
    description: 'In the order of customerId (bytes), at most 1000 a page. `asOf` as in segmentPreview.',
  })
  async customers(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args('filter', { type: () => CriteriaScalar, nullable: true }) filter: JsonLike | undefined,
    @Args('asOf', { type: () => DateTimeScalar, nullable: true }) asOf: Date | null | undefined,
    @Args() page: PageArgs,
    @Asker() caller: Caller,
  ): Promise<Connection<Customer>> {
    const question = filtered(await this.read.client(caller, clientId), filter);
    const after = keyAfter(page);
    await this.read.tablesSeen(caller);
    const { customers, hasNext, total } = await this.parts.analytics.customers({
      ...question,
      asOf: asOf ?? this.parts.clock(),
      after,
      first: pageSize(page),
    });
    const nodes = customers.map(({ customerId, fields }) => ({ clientId, customerId, fields: { ...fields } }));
    return connection(nodes, ({ customerId }) => customerId, hasNext, total);
  }

  @ResolveField('segmentIds', () => [ID], { description: 'The segments of the newest audience.' })
  async segmentIds(@Parent() { clientId, customerId }: Customer): Promise<readonly string[]> {
    return (await this.audiences.of(clientId))?.segmentsOf(customerId) ?? [];
  }

  @Query(() => CustomerSummary)
  async customerSummary(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args('filter', { type: () => CriteriaScalar, nullable: true }) filter: JsonLike | undefined,
    @Args('period', { nullable: true }) period: PeriodInput,
    @Asker() caller: Caller,
  ): Promise<CustomerSummary> {
    const definitions = await this.read.client(caller, clientId);
    const question = filtered(definitions, filter);
    // The decorator's type cannot say so, but an absent period is undefined or null.
    const asked = (period as PeriodInput | null | undefined) ?? null;
    if (asked !== null && asked.from > asked.to)
      throw refused(rejected('PERIOD_INVALID', 'a period ends after it begins', ['period', 'to']));
    await this.read.tablesSeen(caller);
    const summary = await this.parts.analytics.customerSummary({ ...question, period: asked, now: this.parts.clock() });
    return { ...summary, currency: definitions.client.currency };
  }
}

function filtered(definitions: ClientDefinitions, filter: JsonLike | undefined) {
  if (filter === undefined || filter === null) return { ...contextOf(definitions), filter: null };
  const { criteria, ...context } = questionOf(definitions, filter, ['filter']);
  return { ...context, filter: criteria };
}
