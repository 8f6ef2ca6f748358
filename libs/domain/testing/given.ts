import { expect } from '@jest/globals';
import { type Decider, fold, isRejected, type Rejected } from '../decider.js';

/** `given(segment, [defined]).when(command).then([event])`, or `.then(rejected(…))`: of a refusal only code and field are compared. */
export function given<State, Command, Event>(decider: Decider<State, Command, Event>, events: readonly Event[]) {
  return {
    when(command: Command) {
      const outcome = decider.decide(fold(decider, events), command);
      return {
        outcome,
        // biome-ignore lint/suspicious/noThenProperty: read as a sentence; nobody awaits it.
        then(expected: readonly Event[] | Rejected): void {
          expect(comparable(outcome)).toEqual(comparable(expected));
        },
      };
    },
  };
}

/** A refusal's message is for people, and may be said better. */
function comparable(outcome: unknown): unknown {
  return isRejected(outcome) ? { code: outcome.code, field: outcome.field } : outcome;
}
