import { CommandBus } from '@nestjs/cqrs';
import { Args, ID, Mutation, Query, Resolver } from '@nestjs/graphql';

import { Asker, type Caller } from '../access/caller.js';
import { ReadSide, requireDefinitionId } from '../access/read-side.js';
import type { Written } from '../access/write-side.js';
import { type Connection, PageArgs, pageOf } from '../graphql/connection.js';
import { CreateCampaign, EndCampaign, PauseCampaign, SetCampaignRules, StartCampaign } from './campaign-commands.js';
import {
  Campaign,
  CampaignConnection,
  CampaignInput,
  CampaignPayload,
  CreateCampaignInput,
  SetCampaignRulesInput,
} from './campaign-types.js';

@Resolver(() => Campaign)
export class CampaignResolver {
  constructor(
    private readonly commands: CommandBus,
    private readonly read: ReadSide,
  ) {}

  @Query(() => Campaign, { nullable: true })
  async campaign(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args('campaignId', { type: () => ID }) campaignId: string,
    @Asker() caller: Caller,
  ): Promise<Campaign | null> {
    const { campaigns } = await this.read.client(caller, clientId);
    requireDefinitionId(campaignId, 'campaignId');
    return campaigns.get(campaignId) ?? null;
  }

  @Query(() => CampaignConnection, { description: 'In the order of creation.' })
  async campaigns(
    @Args('clientId', { type: () => ID }) clientId: string,
    @Args() page: PageArgs,
    @Asker() caller: Caller,
  ): Promise<Connection<Campaign>> {
    const { campaigns } = await this.read.client(caller, clientId);
    return pageOf([...campaigns.values()], ({ campaignId }) => campaignId, page);
  }

  @Mutation(() => CampaignPayload)
  async createCampaign(@Args('input') input: CreateCampaignInput, @Asker() caller: Caller): Promise<CampaignPayload> {
    return payload(input, await this.commands.execute(new CreateCampaign(caller, input)));
  }

  @Mutation(() => CampaignPayload)
  async setCampaignRules(@Args('input') input: SetCampaignRulesInput, @Asker() caller: Caller): Promise<CampaignPayload> {
    return payload(input, await this.commands.execute(new SetCampaignRules(caller, input)));
  }

  @Mutation(() => CampaignPayload)
  async startCampaign(@Args('input') input: CampaignInput, @Asker() caller: Caller): Promise<CampaignPayload> {
    return payload(input, await this.commands.execute(new StartCampaign(caller, input)));
  }

  @Mutation(() => CampaignPayload)
  async pauseCampaign(@Args('input') input: CampaignInput, @Asker() caller: Caller): Promise<CampaignPayload> {
    return payload(input, await this.commands.execute(new PauseCampaign(caller, input)));
  }

  @Mutation(() => CampaignPayload)
  async endCampaign(@Args('input') input: CampaignInput, @Asker() caller: Caller): Promise<CampaignPayload> {
    return payload(input, await this.commands.execute(new EndCampaign(caller, input)));
  }
}

function payload({ campaignId }: CampaignInput, { definitions, position, userErrors }: Written): CampaignPayload {
  return { campaign: definitions?.campaigns.get(campaignId) ?? null, position, userErrors };
}
