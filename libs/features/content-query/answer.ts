import type { Decision, PlaybookContent, RequestFacts } from '#libs/domain';
import type { ClickAddresses, ClickedAnswer } from './click-address.js';
import type { ClientTables } from './client-tables.js';

/** One decision with what it was made of and for. */
export interface Answer {
  readonly decisionId: string;
  readonly tables: ClientTables;
  readonly campaignId: string;
  readonly customerId: string;
  readonly sessionId: string | null;
  readonly request: RequestFacts;
  readonly decision: Decision;
}

/** The answer as the tag reads it: the shape of docs/README of the edge; absent values are null. */
export function answerJson(answer: Answer, clicks: Pick<ClickAddresses, 'tokenFor'>, base: string) {
  const { tables, decision, request } = answer;
  const { content } = decision;
  return {
    decisionId: answer.decisionId,
    clientId: tables.clientId,
    campaignId: answer.campaignId,
    customerId: answer.customerId,
    placementId: request.placementId,
    content: content === null ? null : contentJson(content, destinationOf(answer, content, clicks, base)),
    segmentId: decision.segmentId,
    ruleId: decision.ruleId,
    group: decision.group,
    reason: decision.reason,
    playbook: tables.playbookVersion,
    audience: tables.audience?.version ?? null,
  };
}

function contentJson(content: PlaybookContent, destination: string | null) {
  return {
    contentId: content.contentId,
    type: content.type,
    ...(content.body === null ? { address: content.address } : { body: content.body }),
    destination,
    width: content.width,
    height: content.height,
    alt: content.alt,
  };
}

function destinationOf(answer: Answer, content: PlaybookContent, clicks: Pick<ClickAddresses, 'tokenFor'>, base: string): string | null {
  if (content.destination === null) return null;
  return `${base}/k/${clicks.tokenFor(clickOn(answer, content.contentId, content.destination))}`;
}

/** What is known of a click on this answer. */
export function clickOn(answer: Answer, contentId: string, destination: string): ClickedAnswer {
  const { decision } = answer;
  return {
    decisionId: answer.decisionId,
    clientId: answer.tables.clientId,
    campaignId: answer.campaignId,
    customerId: answer.customerId,
    contentId,
    placementId: answer.request.placementId,
    ruleId: decision.ruleId,
    group: decision.group,
    segmentId: decision.segmentId,
    sessionId: answer.sessionId,
    destination,
  };
}
