/** What several features of one process read of the log: definitions and API keys, each folded once. */
import { type EventLog, followLog, type LogFollower, type Position } from '#libs/event-log';
import { type ApiKeyCheck, type ApiKeys, apiKeysFold, type ClientDefinitions, type Definitions, definitionsFold } from '#libs/projections';
import type { ProcessFrame } from './frame.js';

export interface Readers {
  readonly definitions: {
    client(clientId: string): ClientDefinitions | undefined;
    caughtUp(): Promise<void>;
    waitFor(position: Position, timeoutMs: number): Promise<void>;
  };
  readonly apiKeys: { readonly check: ApiKeyCheck; caughtUp(): Promise<void> };
}

/** A fold that has ended, because an event could not be read, ends the process: it would answer by half the truth. */
export function openReaders({ closing, report, fatal }: Pick<ProcessFrame, 'closing' | 'report' | 'fatal'>, log: EventLog): Readers {
  const ending = new AbortController();
  const onError = (error: unknown, retrying: boolean) => (retrying ? report('the event log is away', error) : fatal(error));
  const definitions: LogFollower<Definitions> = followLog({
    log,
    filter: { categories: definitionsFold.categories },
    initial: definitionsFold.initial(),
    apply: definitionsFold.apply,
    signal: ending.signal,
    onError,
  });
  const apiKeys: LogFollower<ApiKeys> = followLog({
    log,
    filter: { categories: apiKeysFold.categories },
    initial: apiKeysFold.initial(),
    apply: apiKeysFold.apply,
    signal: ending.signal,
    onError,
  });
  closing.add(async () => {
    ending.abort();
    await Promise.all([definitions.ended, apiKeys.ended]);
  });
  return {
    definitions: {
      client: (clientId) => definitions.state.get(clientId),
      caughtUp: () => definitions.caughtUp(),
      waitFor: (position, timeoutMs) => definitions.waitFor(position, timeoutMs),
    },
    apiKeys: { check: (token) => apiKeys.state.check(token), caughtUp: () => apiKeys.caughtUp() },
  };
}
