import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { UnreadableEvent } from '#libs/domain';
import { type EventLog, EventLogUnavailable, type LogMessage, type Position } from './event-log.js';
import { openFileLog } from './file/file-log.js';
import { type FollowOptions, followLog, NotYet } from './follow-log.js';
import { event, events, eventually } from './testing/given-events.js';

describe('following the log', () => {
  let folder: string;
  let log: EventLog;
  let stop: AbortController;
  let errors: { error: unknown; retrying: boolean }[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-log-'));
    log = await openFileLog({ folder });
    stop = new AbortController();
    errors = [];
  });
  afterEach(async () => {
    stop.abort();
    await log.close();
    await rm(folder, { recursive: true });
  });

  const follow = (given: Partial<FollowOptions<readonly string[]>> = {}) =>
    followLog<readonly string[]>({
      log,
      filter: { categories: ['followed'] },
      initial: [],
      apply: (ids, { id }) => [...ids, id],
      signal: stop.signal,
      onError: (error, retrying) => errors.push({ error, retrying }),
      ...given,
    });
  const idsOf = (given: readonly { readonly id: string }[]) => given.map(({ id }) => id);

  it('folds what was there and what comes, and is caught up when it says so', async () => {
    const old = events(3);
    await log.append('followed-golf', old, 'noStream');
    const follower = follow();
    await follower.caughtUp();
    expect(follower.state).toEqual(idsOf(old));
    const more = events(2);
    await log.append('followed-golf', more, 2n);
    await log.append('other-golf', events(1), 'noStream');
    await follower.caughtUp();
    expect(follower.state).toEqual(idsOf([...old, ...more]));
    expect(follower.position).toBe(await log.lastPosition());
  });

  it('is caught up with an empty log, and begins after a position', async () => {
    await follow().caughtUp();
    const { position } = await log.append('followed-golf', events(1), 'noStream');
    const later = event();
    await log.append('followed-golf', [later], 0n);
    const follower = follow({ after: position, initial: ['before'] });
    await follower.caughtUp();
    expect(follower.state).toEqual(['before', later.id]);
  });

  it('waits for a position, and no longer than it is told', async () => {
    const follower = follow();
    const { position } = await log.append('followed-golf', events(1), 'noStream');
    await follower.waitFor(position, 5_000);
    expect(follower.state).toHaveLength(1);
    await follower.waitFor(position, 0);
    await expect(follower.waitFor((position + 100n) as Position, 20)).rejects.toBeInstanceOf(NotYet);
  });

  it('tells listeners of each change until they leave', async () => {
    const heard: number[] = [];
    const follower = follow();
    const leave = follower.onChange((ids) => heard.push(ids.length));
    await log.append('followed-golf', events(2), 'noStream');
    await follower.caughtUp();
    leave();
    await log.append('followed-golf', events(1), 1n);
    await follower.caughtUp();
    expect(heard).toEqual([2]);
  });

  it('goes on where it was when the log had been away', async () => {
    const given = events(6);
    await log.append('followed-golf', given.slice(0, 3), 'noStream');
    let calls = 0;
    const begun: (Position | null)[] = [];
    // The log itself, whose subscription breaks after its first message, and cannot be had the second time.
    const shaky = {
      lastPosition: () => log.lastPosition(),
      async *subscribe(options: Parameters<EventLog['subscribe']>[0]): AsyncGenerator<LogMessage> {
        calls++;
        begun.push(options.after);
        if (calls === 2) throw new EventLogUnavailable('still away');
        for await (const message of log.subscribe(options)) {
          yield message;
          if (calls === 1) throw new EventLogUnavailable('gone');
        }
      },
    } as unknown as EventLog;
    const follower = follow({ log: shaky });
    await eventually(() => expect(calls).toBe(3));
    await log.append('followed-golf', given.slice(3), 2n);
    await follower.caughtUp();
    expect(follower.state).toEqual(idsOf(given));
    expect(begun[1]).not.toBeNull();
    expect(errors.map(({ retrying }) => retrying)).toEqual([true, true]);
  });

  it('ends loudly when an event cannot be applied, with the state before it', async () => {
    const given = events(3);
    await log.append('followed-golf', given, 'noStream');
    const unreadable = new Error('unreadable');
    const follower = follow({
      apply(ids, { id }) {
        if (id === given[1]?.id) throw unreadable;
        return [...ids, id];
      },
    });
    await follower.ended;
    expect(errors).toEqual([{ error: unreadable, retrying: false }]);
    expect(follower.state).toEqual([given[0]?.id]);
    await expect(follower.caughtUp()).rejects.toBe(unreadable);
    await expect(follower.waitFor(10n as Position, 1_000)).rejects.toBe(unreadable);
  });

  it('says where the event stands that cannot be read', async () => {
    await log.append('followed-golf', events(1), 'noStream');
    const follower = follow({
      apply() {
        throw new UnreadableEvent('Followed of schema 9: this version reads 1 to 1');
      },
    });
    await expect(follower.caughtUp()).rejects.toMatchObject({
      code: 'UNREADABLE_EVENT',
      message: 'the event at position 1 in followed-golf cannot be read: Followed of schema 9: this version reads 1 to 1',
    });
  });

  it('ends quietly by its signal, and tells who waits', async () => {
    const follower = follow();
    const waiting = follower.waitFor(100n as Position, 5_000);
    stop.abort();
    await expect(waiting).rejects.toBeInstanceOf(EventLogUnavailable);
    await follower.ended;
    expect(errors).toEqual([]);
  });
});
