import type { Codec } from '../codec.js';
import type { PlaybookGroup, PlaybookRule } from '../decision/playbook.js';
import { StoredFields } from '../stored-fields.js';
import type { CampaignEvent } from './campaign.js';

/** Version 1 is the first and today's shape of all five events. */
export const campaignCodec: Codec<CampaignEvent> = {
  encode({ type, ...data }) {
    if (!('rules' in data)) return { type, schema: 1, data };
    const rules = data.rules.map((rule) => ({ ...rule, groups: rule.groups?.map((group) => ({ ...group })) ?? null }));
    return { type, schema: 1, data: { rules } };
  },

  decode(stored) {
    switch (stored.type) {
      case 'CampaignCreated': {
        const fields = StoredFields.of(stored);
        return {
          type: 'CampaignCreated',
          campaignId: fields.string('campaignId'),
          name: fields.string('name'),
          defaultContentId: fields.stringOrNull('defaultContentId'),
          startsAt: fields.stringOrNull('startsAt'),
          endsAt: fields.stringOrNull('endsAt'),
        };
      }
      case 'CampaignRulesSet':
        return { type: 'CampaignRulesSet', rules: StoredFields.of(stored).list('rules', ruleOf) };
      case 'CampaignStarted':
      case 'CampaignPaused':
      case 'CampaignEnded':
        StoredFields.of(stored);
        return { type: stored.type };
      default:
        return undefined;
    }
  },
};

function ruleOf(fields: StoredFields): PlaybookRule {
  return {
    ruleId: fields.string('ruleId'),
    priority: fields.number('priority'),
    segmentId: fields.stringOrNull('segmentId'),
    when: fields.criteriaOrNull('when', 'request'),
    contentId: fields.stringOrNull('contentId'),
    groups: fields.listOrNull('groups', groupOf),
  };
}

function groupOf(fields: StoredFields): PlaybookGroup {
  return {
    groupId: fields.string('groupId'),
    weight: fields.number('weight'),
    contentId: fields.stringOrNull('contentId'),
    control: fields.boolean('control'),
  };
}
