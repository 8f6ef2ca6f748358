import { randomUUID } from 'node:crypto';
import { type Codec, type Decider, isRejected, type Rejected } from '#libs/domain';
import { type EventLog, type ExpectedRevision, type NewEvent, type Position, RevisionConflict } from './event-log.js';

export interface CommandTarget<State, Command, Event> {
  readonly decider: Decider<State, Command, Event>;
  readonly codec: Codec<Event>;
  readonly stream: string;
  readonly clientId: string;
  /** `key:<keyId>`, `node:<nodeId>`, `system`. */
  readonly actor: string;
  /** Makes event ids; random ones when absent. */
  readonly newId?: () => string;
  readonly correlationId?: string;
}

export interface CommandDone<State, Event> {
  /** What was decided now; empty when there was nothing to do. */
  readonly events: readonly Event[];
  /** After these events. */
  readonly state: State;
  /** Of the stream's newest event; null when the stream is still empty. */
  readonly position: Position | null;
}

const attemptsMax = 4;

/**
 * Follows a command: reads the stream, folds it, decides, appends where the stream was read; when another writer came between, decides again,
 * up to three times more. The append is the commit.
 * @throws RevisionConflict after the fourth attempt, UnreadableEvent for an event this version cannot read, EventLogUnavailable.
 */
export async function runCommand<State, Command, Event>(
  log: EventLog,
  target: CommandTarget<State, Command, Event>,
  command: Command,
): Promise<CommandDone<State, Event> | Rejected> {
  const { decider, stream } = target;
  for (let attempt = 1; ; attempt++) {
    const read = await readState(log, target);
    const decided = decider.decide(read.state, command);
    if (isRejected(decided)) return decided;
    if (decided.length === 0) return { events: [], state: read.state, position: read.position };
    try {
      const { position } = await log.append(stream, written(target, decided), read.revision);
      return { events: decided, state: decided.reduce(decider.evolve, read.state), position };
    } catch (error) {
      if (!(error instanceof RevisionConflict) || attempt === attemptsMax) throw error;
    }
  }
}

async function readState<State, Command, Event>(log: EventLog, { decider, codec, stream }: CommandTarget<State, Command, Event>) {
  let state = decider.initial;
  let revision: ExpectedRevision = 'noStream';
  let position: Position | null = null;
  for await (const recorded of log.readStream(stream)) {
    const event = codec.decode({ type: recorded.type, schema: recorded.metadata.schema, data: recorded.data });
    if (event !== undefined) state = decider.evolve(state, event);
    revision = recorded.revision;
    position = recorded.position;
  }
  return { state, revision, position };
}

function written<State, Command, Event>(target: CommandTarget<State, Command, Event>, events: readonly Event[]): NewEvent[] {
  const { codec, clientId, actor, correlationId, newId = randomUUID } = target;
  return events.map((event) => {
    const { type, schema, data } = codec.encode(event);
    const metadata = { schema, clientId, actor, ...(correlationId === undefined ? {} : { correlationId }) };
    return { id: newId(), type, data, metadata };
  });
}
