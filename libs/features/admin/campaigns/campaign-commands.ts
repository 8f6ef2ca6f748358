import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type CampaignCommand, type CampaignEvent, type CampaignState, campaign, campaignCodec, campaignStream } from '#libs/domain';
import type { Caller } from '../access/caller.js';
import { type Concept, WriteSide, type Written } from '../access/write-side.js';
import type { CampaignInput, CreateCampaignInput, SetCampaignRulesInput } from './campaign-types.js';

const campaigns: Concept<CampaignState, CampaignCommand, CampaignEvent> = {
  decider: campaign,
  codec: campaignCodec,
  streamOf: (ids) => campaignStream(ids.clientId, ids.campaignId ?? ''),
};

export class CreateCampaign extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: CreateCampaignInput,
  ) {
    super();
  }
}

@CommandHandler(CreateCampaign)
export class CreateCampaignHandler implements ICommandHandler<CreateCampaign> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: CreateCampaign): Promise<Written> {
    return this.write.follow(
      caller,
      campaigns,
      input,
      (known): CampaignCommand => ({ type: 'CreateCampaign', ...scheduled(input), known }),
    );
  }
}

export class SetCampaignRules extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: SetCampaignRulesInput,
  ) {
    super();
  }
}

@CommandHandler(SetCampaignRules)
export class SetCampaignRulesHandler implements ICommandHandler<SetCampaignRules> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: SetCampaignRules): Promise<Written> {
    return this.write.follow(caller, campaigns, input, (known): CampaignCommand => ({ type: 'SetCampaignRules', ...input, known }));
  }
}

export class StartCampaign extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: CampaignInput,
  ) {
    super();
  }
}

@CommandHandler(StartCampaign)
export class StartCampaignHandler implements ICommandHandler<StartCampaign> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: StartCampaign): Promise<Written> {
    return this.write.follow(caller, campaigns, input, (known): CampaignCommand => ({ type: 'StartCampaign', ...input, known }));
  }
}

export class PauseCampaign extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: CampaignInput,
  ) {
    super();
  }
}

@CommandHandler(PauseCampaign)
export class PauseCampaignHandler implements ICommandHandler<PauseCampaign> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: PauseCampaign): Promise<Written> {
    return this.write.follow(caller, campaigns, input, (known): CampaignCommand => ({ type: 'PauseCampaign', ...input, known }));
  }
}

export class EndCampaign extends Command<Written> {
  constructor(
    readonly caller: Caller,
    readonly input: CampaignInput,
  ) {
    super();
  }
}

@CommandHandler(EndCampaign)
export class EndCampaignHandler implements ICommandHandler<EndCampaign> {
  constructor(private readonly write: WriteSide) {}

  execute({ caller, input }: EndCampaign): Promise<Written> {
    return this.write.follow(caller, campaigns, input, (known): CampaignCommand => ({ type: 'EndCampaign', ...input, known }));
  }
}

export const campaignHandlers = [
  CreateCampaignHandler,
  SetCampaignRulesHandler,
  StartCampaignHandler,
  PauseCampaignHandler,
  EndCampaignHandler,
];

function scheduled({ startsAt, endsAt, ...input }: CreateCampaignInput) {
  return { ...input, startsAt: startsAt?.toISOString(), endsAt: endsAt?.toISOString() };
}
