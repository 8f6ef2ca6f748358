import type { ContentServedFact } from '#libs/domain';
import { who } from './behaviour-rows.js';
import { type FactRows, noRows, type Place, type ServedRow } from './rows.js';

/** Rows of an answer that a node gave. The log holds it once: a node's forwarder repeats an append as the same append. */
export function servedRows(fact: ContentServedFact, place: Place): FactRows {
  const row: ServedRow = {
    ...who(fact, place),
    campaign_id: fact.campaignId,
    placement_id: fact.placementId ?? '',
    content_id: fact.contentId ?? '',
    segment_id: fact.segmentId ?? '',
    rule_id: fact.ruleId ?? '',
    group: fact.group ?? '',
    decision_id: fact.decisionId,
    reason: fact.reason,
    playbook: fact.playbook,
    audience: fact.audience ?? '',
    sample_rate: fact.sampleRate,
    form: fact.form,
    url: fact.request.url ?? '',
    referrer: fact.request.referrer ?? '',
    device: fact.request.device,
    browser: fact.request.browser ?? '',
    country: fact.request.country ?? '',
    context: fact.request.context,
  };
  return {
    clientId: place.clientId,
    position: place.position,
    keys: [],
    rows: {
      ...noRows,
      served_facts: [row],
      answered: [{ client_id: place.clientId, log_position: place.position, customer_id: row.customer_id }],
      decisions: [{ decision_id: row.decision_id, client_id: place.clientId, log_position: place.position }],
    },
  };
}
