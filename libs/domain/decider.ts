/** A command that cannot be followed: returned, never thrown. `field` is a path into the command's input. */
export interface Rejected {
  readonly rejected: true;
  readonly code: string;
  readonly message: string;
  readonly field?: readonly string[];
}

export function rejected(code: string, message: string, field?: readonly string[]): Rejected {
  return field === undefined ? { rejected: true, code, message } : { rejected: true, code, message, field };
}

export function isRejected(outcome: unknown): outcome is Rejected {
  return typeof outcome === 'object' && outcome !== null && (outcome as { rejected?: unknown }).rejected === true;
}

/**
 * A concept's whole story: `decide` answers a command with events or a refusal, `evolve` folds events into state.
 * Both are pure; time, ids and what other streams say come in with the command.
 */
export interface Decider<State, Command, Event> {
  readonly initial: State;
  decide(state: State, command: Command): readonly Event[] | Rejected;
  evolve(state: State, event: Event): State;
}

export function fold<State, Event>(decider: Pick<Decider<State, never, Event>, 'initial' | 'evolve'>, events: Iterable<Event>): State {
  let state = decider.initial;
  for (const event of events) state = decider.evolve(state, event);
  return state;
}

/** The end of a switch over a union: a compile error while a case is missing, a loud one at run time. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
