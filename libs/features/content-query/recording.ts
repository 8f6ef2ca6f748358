/** What an answer and a click leave behind: docs/adr/0012-decision.md. */
import type { ContentClickedFact, ContentServedFact, Decision } from '#libs/domain';
import type { SpooledFact } from '#libs/spool';
import type { Answer } from './answer.js';
import type { ClickedAnswer } from './click-address.js';
import type { ClientTables } from './client-tables.js';

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

/** What answers with the same decision, from the same tables and in the same form, have in common. */
export type ServedShare = Omit<ContentServedFact, keyof ServedOwn> & { readonly clientId: string };
/** What each of them has for itself; `time` in milliseconds since 1970. */
export type ServedOwn = Pick<ContentServedFact, 'decisionId' | 'customerId' | 'sessionId' | 'placementId' | 'request'> & {
  readonly time: number;
};

export function servedShare(
  { clientId, plan, playbookVersion, audience }: ClientTables,
  campaignId: string,
  decision: Decision,
  form: ContentServedFact['form'],
): ServedShare {
  return {
    clientId,
    campaignId,
    contentId: decision.content?.contentId ?? null,
    segmentId: decision.segmentId,
    ruleId: decision.ruleId,
    group: decision.group,
    reason: decision.reason,
    playbook: playbookVersion,
    audience: audience?.version ?? null,
    ...(audience === null ? {} : { audienceBuiltAt: audience.builtAt }),
    sampleRate: plan.playbook.sampleRate,
    form,
  };
}

export function servedFactOf({ clientId, form, ...share }: ServedShare, { time, request, ...own }: ServedOwn): SpooledFact {
  const fact: ContentServedFact = { ...own, ...share, time: new Date(time).toISOString(), form, request };
  return { category: 'served', clientId, type: 'ContentServed', data: { ...fact, request: { ...request } } };
}

export function servedFact(answer: Answer, form: ContentServedFact['form']): SpooledFact {
  const { decisionId, tables, campaignId, customerId, sessionId, decision } = answer;
  const { time, placementId, ...request } = answer.request;
  return servedFactOf(servedShare(tables, campaignId, decision, form), { decisionId, customerId, sessionId, placementId, time, request });
}

/** A click is known by its decision: the same address opened twice is one message. */
export function clickedFact(clicked: ClickedAnswer, timeMs: number, via: ContentClickedFact['via']): SpooledFact {
  const { clientId, destination: _, ...about } = clicked;
  const fact: ContentClickedFact = { messageId: `click-${clicked.decisionId}`, ...about, time: new Date(timeMs).toISOString(), via };
  return { category: 'behaviour', clientId, type: 'ContentClicked', data: { ...fact } };
}
