import type { BehaviourType } from './facts.js';

/** By what a message is known again within a client: its type and the client's own id for it. */
export function messageKey(type: BehaviourType, messageId: string): string {
  return `${type}:${messageId}`;
}

/** A click is also known by the answer that was clicked: one click per answer, however it was reported. */
export function clickKey(decisionId: string): string {
  return `decision:${decisionId}`;
}
