/** A campaign: rules by priority that choose a content for a customer and a request, a default, a schedule, and whether it runs. */
import { type Decider, type Rejected, rejected, unreachable } from '../decider.js';
import type { PlaybookRule } from '../decision/playbook.js';
import { parseRfc3339 } from '../facts/instant.js';
import { equalJson } from '../json.js';
import type { Known } from '../known.js';
import { clientUnknown, refuseIds, refuseMore, refuseName } from '../refusals.js';
import { checkRules, type GivenRule } from './rules.js';

export type CampaignEvent =
  | {
      readonly type: 'CampaignCreated';
      readonly campaignId: string;
      readonly name: string;
      /** Shown to whom no rule matches; null: nothing. */
      readonly defaultContentId: string | null;
      /** RFC 3339 in UTC, or null: no bound. Half open: startsAt ≤ t < endsAt. */
      readonly startsAt: string | null;
      readonly endsAt: string | null;
    }
  /** All rules as they are from now on, by rising priority. */
  | { readonly type: 'CampaignRulesSet'; readonly rules: readonly PlaybookRule[] }
  | { readonly type: 'CampaignStarted' }
  | { readonly type: 'CampaignPaused' }
  | { readonly type: 'CampaignEnded' };

interface About {
  readonly clientId: string;
  readonly campaignId: string;
  /** Null: there is no such client. */
  readonly known: Known | null;
}

export type CampaignCommand =
  | (About & {
      readonly type: 'CreateCampaign';
      readonly name: string;
      readonly defaultContentId?: string | null | undefined;
      /** RFC 3339. */
      readonly startsAt?: string | null | undefined;
      readonly endsAt?: string | null | undefined;
    })
  | (About & { readonly type: 'SetCampaignRules'; readonly rules: readonly GivenRule[] })
  | (About & { readonly type: 'StartCampaign' | 'PauseCampaign' | 'EndCampaign' });

export type CampaignState =
  | { readonly status: 'none' }
  | { readonly status: 'draft' | 'running' | 'paused' | 'ended'; readonly rules: readonly PlaybookRule[] };

export const campaignsPerClientMax = 10_000;

export function campaignStream(clientId: string, campaignId: string): string {
  return `campaign-${clientId}.${campaignId}`;
}

export const campaign: Decider<CampaignState, CampaignCommand, CampaignEvent> = {
  initial: { status: 'none' },

  decide(state, command) {
    const { clientId, campaignId, known } = command;
    const badId = refuseIds({ clientId, campaignId });
    if (badId !== undefined) return badId;
    if (known === null) return clientUnknown(clientId);
    if (command.type === 'CreateCampaign') {
      if (state.status !== 'none') return rejected('CAMPAIGN_EXISTS', `there is a campaign ${campaignId} already`, ['campaignId']);
      return create(command, known);
    }

    if (state.status === 'none') return rejected('CAMPAIGN_UNKNOWN', `there is no campaign ${campaignId}`, ['campaignId']);
    if (state.status === 'ended') {
      // Ending twice is ending: whoever repeats a command whose answer was lost is not refused.
      return command.type === 'EndCampaign' ? [] : rejected('CAMPAIGN_ENDED', 'an ended campaign stays as it is', ['campaignId']);
    }
    switch (command.type) {
      case 'SetCampaignRules': {
        const outcome = checkRules(command.rules, known, state.rules);
        if ('rejected' in outcome) return outcome;
        return equalJson(outcome.rules, state.rules) ? [] : [{ type: 'CampaignRulesSet', rules: outcome.rules }];
      }
      case 'StartCampaign':
        return state.status === 'running' ? [] : [{ type: 'CampaignStarted' }];
      case 'PauseCampaign':
        if (state.status === 'draft') return rejected('CAMPAIGN_NOT_STARTED', 'only a started campaign can be paused', ['campaignId']);
        return state.status === 'paused' ? [] : [{ type: 'CampaignPaused' }];
      case 'EndCampaign':
        return [{ type: 'CampaignEnded' }];
      default:
        return unreachable(command);
    }
  },

  evolve(state, event) {
    if (event.type === 'CampaignCreated') return { status: 'draft', rules: [] };
    if (state.status === 'none') return state;
    switch (event.type) {
      case 'CampaignRulesSet':
        return { ...state, rules: event.rules };
      case 'CampaignStarted':
        return { ...state, status: 'running' };
      case 'CampaignPaused':
        return { ...state, status: 'paused' };
      case 'CampaignEnded':
        return { ...state, status: 'ended' };
      default:
        return unreachable(event);
    }
  },
};

function create(command: CampaignCommand & { type: 'CreateCampaign' }, known: Known): readonly CampaignEvent[] | Rejected {
  const { campaignId, name, defaultContentId = null } = command;
  const refusal = refuseName(name) ?? refuseMore('campaigns', known.campaigns.size, campaignsPerClientMax);
  if (refusal !== undefined) return refusal;
  if (defaultContentId !== null && !known.contents.has(defaultContentId)) {
    return rejected('CONTENT_UNKNOWN', 'there is no such content', ['defaultContentId']);
  }
  const startsAt = command.startsAt == null ? null : parseRfc3339(command.startsAt);
  const endsAt = command.endsAt == null ? null : parseRfc3339(command.endsAt);
  if (startsAt === undefined) return rejected('PERIOD_INVALID', 'a time is RFC 3339', ['startsAt']);
  if (endsAt === undefined) return rejected('PERIOD_INVALID', 'a time is RFC 3339', ['endsAt']);
  if (startsAt !== null && endsAt !== null && endsAt <= startsAt) {
    return rejected('PERIOD_INVALID', 'a campaign ends after it starts', ['endsAt']);
  }
  return [{ type: 'CampaignCreated', campaignId, name, defaultContentId, startsAt: inUtc(startsAt), endsAt: inUtc(endsAt) }];
}

function inUtc(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
