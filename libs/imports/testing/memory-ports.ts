import { type BehaviourType, messageKey } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { type FactQueue, type SpooledFact, SpoolFull } from '#libs/spool';
import type { ImportPorts } from '../run-import.js';

export interface MemoryPorts extends ImportPorts {
  /** What reached the log, in order. */
  readonly recorded: SpooledFact[];
  /** So many puts are refused first. */
  fullFor: number;
}

/** A spool, log and tables in memory for the engine's own specs: what is put is in the log and in the tables at once. */
export function memoryPorts(): MemoryPorts {
  const recorded: SpooledFact[] = [];
  const messages = new Map<string, { importId: string | null }>();
  const ports = { fullFor: 0 };
  const facts: FactQueue = {
    async put(given) {
      if (ports.fullFor-- > 0) throw new SpoolFull('full');
      for (const fact of given) {
        recorded.push(fact);
        const data = fact.data as { type: BehaviourType; messageId: string };
        const key = `${fact.clientId} ${messageKey(data.type, data.messageId)}`;
        if (!messages.has(key)) messages.set(key, { importId: (fact.metadata?.importId as string | undefined) ?? null });
      }
      return { appended: async () => BigInt(recorded.length) as Position };
    },
    offer: () => false,
    drained: async () => BigInt(recorded.length) as Position,
    status: { queued: 1, spooledBytes: 0, spooledBytesMax: 1, dropped: 0, forwarded: 0, logAvailable: true },
    close: async () => undefined,
  };
  return Object.assign(ports, {
    recorded,
    facts,
    log: { lastPosition: async () => (recorded.length === 0 ? null : (BigInt(recorded.length) as Position)) },
    analytics: {
      waitFor: async () => undefined,
      seenMessages: async (clientId: string, keys: readonly string[]) =>
        new Map(
          keys.flatMap((key) => {
            const earlier = messages.get(`${clientId} ${key}`);
            return earlier === undefined ? [] : [[key, earlier] as const];
          }),
        ),
    },
    keys: { obtain: async () => new Uint8Array(32).fill(7) },
  });
}
