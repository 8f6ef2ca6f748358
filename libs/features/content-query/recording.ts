/** What an answer and a click leave behind: docs/adr/0012-decision.md. */
import type { ContentClickedFact, ContentServedFact } from '#libs/domain';
import type { SpooledFact } from '#libs/spool';
import type { Answer } from './answer.js';
import type { ClickedAnswer } from './click-address.js';

/**
 * Whether an answer is in the sample. Decided by the 40 random bits that end a version 7 UUID, so that the same decision is always in or
 * always out.
 */
export function isSampled(decisionId: string, sampleRate: number): boolean {
  return sampleRate >= 1 || Number.parseInt(decisionId.slice(-10), 16) / 2 ** 40 < sampleRate;
}

/** The same of the 16 bytes of a decision's id. */
export function isSampledId(decisionId: Uint8Array, sampleRate: number): boolean {
  if (sampleRate >= 1) return true;
  let random = 0;
  for (let at = 11; at < 16; at++) random = random * 256 + decisionId[at]!;
  return random / 2 ** 40 < sampleRate;
}

export function servedFact(answer: Answer, form: ContentServedFact['form']): SpooledFact {
  const { tables, decision, request } = answer;
  const { time, placementId, ...asked } = request;
  const fact: ContentServedFact = {
    decisionId: answer.decisionId,
    campaignId: answer.campaignId,
    customerId: answer.customerId,
    sessionId: answer.sessionId,
    placementId,
    contentId: decision.content?.contentId ?? null,
    segmentId: decision.segmentId,
    ruleId: decision.ruleId,
    group: decision.group,
    reason: decision.reason,
    playbook: tables.playbookVersion,
    audience: tables.audience?.version ?? null,
    ...(tables.audience === null ? {} : { audienceBuiltAt: tables.audience.builtAt }),
    sampleRate: tables.plan.playbook.sampleRate,
    time: new Date(time).toISOString(),
    form,
    request: asked,
  };
  return { category: 'served', clientId: tables.clientId, type: 'ContentServed', data: { ...fact, request: { ...asked } } };
}

/** A click is known by its decision: the same address opened twice is one message. */
export function clickedFact(clicked: ClickedAnswer, timeMs: number, via: ContentClickedFact['via']): SpooledFact {
  const { clientId, destination: _, ...about } = clicked;
  const fact: ContentClickedFact = { messageId: `click-${clicked.decisionId}`, ...about, time: new Date(timeMs).toISOString(), via };
  return { category: 'behaviour', clientId, type: 'ContentClicked', data: { ...fact } };
}
