import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Codec, type Decider, isRejected, rejected } from '#libs/domain';
import { type EventLog, RevisionConflict } from './event-log.js';
import { openFileLog } from './file/file-log.js';
import { runCommand } from './run-command.js';
import { collect, event, uniqueName } from './testing/given-events.js';

type Counted = { readonly type: 'Counted'; readonly by: number };

const counter: Decider<number, { readonly add: number }, Counted> = {
  initial: 0,
  decide(total, { add }) {
    if (total + add > 100) return rejected('TOO_MUCH', 'a hundred is enough');
    return add === 0 ? [] : [{ type: 'Counted', by: add }];
  },
  evolve: (total, { by }) => total + by,
};

const codec: Codec<Counted> = {
  encode: ({ type, by }) => ({ type, schema: 2, data: { by } }),
  decode: ({ type, data }) => (type === 'Counted' ? { type, by: Number(data.by) } : undefined),
};

describe('running a command', () => {
  let folder: string;
  let log: EventLog;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-log-'));
    log = await openFileLog({ folder });
  });
  afterAll(async () => {
    await log.close();
    await rm(folder, { recursive: true });
  });
  const target = (stream: string) => ({ decider: counter, codec, stream, clientId: 'golf', actor: 'key:k1' });

  it('appends what was decided and answers events, state and position', async () => {
    const stream = uniqueName('counter');
    await runCommand(log, target(stream), { add: 3 });
    const done = await runCommand(log, { ...target(stream), correlationId: 'c7' }, { add: 4 });
    const [, recorded] = await collect(log.readStream(stream));
    expect(done).toEqual({ events: [{ type: 'Counted', by: 4 }], state: 7, position: recorded?.position });
    expect(recorded).toMatchObject({ data: { by: 4 }, metadata: { schema: 2, clientId: 'golf', actor: 'key:k1', correlationId: 'c7' } });
  });

  it('answers a refusal and appends nothing', async () => {
    const stream = uniqueName('counter');
    const outcome = await runCommand(log, target(stream), { add: 101 });
    expect(isRejected(outcome) && outcome.code).toBe('TOO_MUCH');
    expect(await collect(log.readStream(stream))).toEqual([]);
  });

  it('appends nothing when there is nothing to do', async () => {
    const stream = uniqueName('counter');
    expect(await runCommand(log, target(stream), { add: 0 })).toEqual({ events: [], state: 0, position: null });
    const first = await runCommand(log, target(stream), { add: 5 });
    expect(await runCommand(log, target(stream), { add: 0 })).toEqual({ ...first, events: [] });
  });

  it('passes over events of other concepts in the stream', async () => {
    const stream = uniqueName('counter');
    await log.append(stream, [event()], 'noStream');
    expect(await runCommand(log, target(stream), { add: 5 })).toMatchObject({ state: 5 });
  });

  it('goes on after a deleted stream', async () => {
    const stream = uniqueName('counter');
    await runCommand(log, target(stream), { add: 5 });
    await log.deleteStream(stream, 'any');
    expect(await runCommand(log, target(stream), { add: 6 })).toMatchObject({ state: 6 });
    expect((await collect(log.readStream(stream)))[0]?.revision).toBe(1n);
  });

  it('decides again when another writer came between: no command of many at once is lost or counted twice', async () => {
    const stream = uniqueName('counter');
    const commands = Array.from({ length: 4 }, (_, n) => runCommand(log, target(stream), { add: n + 1 }));
    await Promise.all(commands);
    expect(await runCommand(log, target(stream), { add: 0 })).toMatchObject({ state: 10 });
    expect(await collect(log.readStream(stream))).toHaveLength(4);
  });

  it('gives up after the fourth conflict', async () => {
    const stream = uniqueName('counter');
    let asked = 0;
    // Another writer is quicker each time.
    const rude: typeof counter = {
      ...counter,
      decide(total, command) {
        asked++;
        return counter.decide(total, command);
      },
    };
    const raced = {
      ...Object.fromEntries(['readAll', 'readAt', 'lastPosition', 'subscribe', 'deleteStream', 'close'].map((name) => [name, undefined])),
      readStream: (name: string) => log.readStream(name),
      append: async (...given: Parameters<EventLog['append']>) => {
        await log.append(given[0], [event()], 'any');
        return log.append(...given);
      },
    } as unknown as EventLog;
    await expect(runCommand(raced, { ...target(stream), decider: rude }, { add: 1 })).rejects.toBeInstanceOf(RevisionConflict);
    expect(asked).toBe(4);
  });
});
