import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, headers } from 'nats';
import { keyPart } from '#libs/nats';
import { type NatsServerUnderTest, startNatsServer } from '#libs/nats/testing';
import type { Leadership } from '../leadership.js';
import { type NatsLeadership, openNatsLeadership } from './nats-leadership.js';

const script = fileURLToPath(new URL('../../../dist/libs/leadership/testing/contender-process.js', import.meta.url));
/** "Within seconds": patience, a poll, and a machine that is busy. */
const takeoverMsMax = 10_000;

class Contender {
  readonly said: { readonly what: string; readonly at: number }[] = [];
  private readonly process: ChildProcess;

  constructor(url: string, role: string) {
    this.process = spawn(process.execPath, [script, url, role], { stdio: ['pipe', 'pipe', 'inherit'] });
    let rest = '';
    this.process.stdout!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.said.push({ what: line.split(' ')[0]!, at: Number(line.split(' ')[1]) });
    });
  }

  has(what: string, after = 0): boolean {
    return this.said.some((one) => one.what === what && one.at >= after);
  }

  get lastWorkAt(): number {
    return Math.max(...this.said.filter(({ what }) => what === 'working').map(({ at }) => at));
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
  }
}

describe('leadership over NATS', () => {
  let server: NatsServerUnderTest;
  let opened: NatsLeadership[];
  let contenders: Contender[];
  let roles = 0;
  let role: string;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server?.stop());
  afterEach(async () => {
    for (const one of contenders ?? []) await one.end();
    for (const one of opened ?? []) await one.close();
  });
  const prepare = () => {
    opened = [];
    contenders = [];
    roles += 1;
    role = `role.${roles}`;
  };
  const open = async () => {
    const leadership = await openNatsLeadership({ url: server.url });
    opened.push(leadership);
    return leadership;
  };
  const contend = async (): Promise<Contender> => {
    const one = new Contender(server.url, role);
    contenders.push(one);
    await until(() => one.has('up'));
    return one;
  };
  /** One that leads and one that stands by. */
  const pair = async (): Promise<[Contender, Contender]> => {
    const first = await contend();
    await until(() => first.has('leading'), takeoverMsMax);
    const second = await contend();
    await until(() => second.has('standing-by'));
    return [first, second];
  };

  it('is one process’s, and the next one’s at once when it is released', async () => {
    prepare();
    const [one, two] = [await open(), await open()];
    const stoodBy: string[] = [];
    const first = await one.of(role)(new AbortController().signal);
    expect(first.holds()).toBe(true);
    let second: Leadership | undefined;
    const winning = two
      .of(role, (holder) => stoodBy.push(holder))(new AbortController().signal)
      .then((won) => {
        second = won;
      });
    await until(() => stoodBy.length > 0);
    expect(stoodBy[0]).toContain(`process ${process.pid}`);
    const other = await two.of(`${role}x`)(new AbortController().signal);
    await other.release();
    expect(second).toBeUndefined();
    await first.release();
    const released = Date.now();
    await winning;
    expect(Date.now() - released).toBeLessThan(3_500);
    expect(first.holds()).toBe(false);
    await second!.release();
  });

  it('can be had after somebody deleted its entry, which leaves a mark in place of it', async () => {
    prepare();
    const [one, two] = [await open(), await open()];
    const first = await one.of(role)(new AbortController().signal);
    const operator = await connect({ servers: server.url });
    const mark = headers();
    mark.set('KV-Operation', 'DEL');
    await operator.request(`$KV.vitrine-leaders.${keyPart(role)}`, '', { headers: mark, timeout: 5_000 });
    await operator.close();
    await until(() => first.lost.aborted);
    const second = await two.of(role)(AbortSignal.timeout(takeoverMsMax));
    expect([first.holds(), second.holds()]).toEqual([false, true]);
    await second.release();
  });

  it('is said to be nobody’s where NATS answers and takes no claim', async () => {
    prepare();
    const rights = 'publish: ["$JS.API.STREAM.CREATE.>", "$JS.API.STREAM.MSG.GET.>"], subscribe: ["_INBOX_lector.>"]';
    const strict = await startNatsServer({
      config: `authorization { users = [{ user: lector, password: p, permissions: { ${rights} } }] }`,
    });
    try {
      const said: string[] = [];
      const url = strict.url.replace('//', '//lector:p@');
      const leadership = await openNatsLeadership({ url, report: (line) => said.push(line) });
      opened.push(leadership);
      const ending = new AbortController();
      const waiting = leadership.of(role)(ending.signal);
      const about = () => said.filter((line) => line.includes('nobody can lead'));
      await until(() => about().length > 0, takeoverMsMax);
      expect(about()[0]).toMatch(/^nobody can lead as role\.\d+: .*Permissions Violation/i);
      // Also while it waits to try again, and through the next attempts.
      for (let look = 0; look < 30; look += 1) {
        await expect(leadership.reach()).rejects.toThrow(/Permissions Violation/i);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      ending.abort();
      await expect(waiting).rejects.toThrow();
      expect(about()).toHaveLength(1);
    } finally {
      await strict.stop();
    }
  });

  it('is not waited for any longer than is wanted', async () => {
    prepare();
    const leadership = await open();
    await expect(leadership.of(role)(AbortSignal.timeout(300))).rejects.toThrow();
  });

  it('passes on within seconds when the leader is killed', async () => {
    prepare();
    const [first, second] = await pair();
    await until(() => first.has('working'));
    expect(second.has('leading')).toBe(false);
    first.kill('SIGKILL');
    const killed = Date.now();
    await until(() => second.has('leading'), takeoverMsMax);
    expect(Date.now() - killed).toBeLessThan(takeoverMsMax);
    expect(second.said.find(({ what }) => what === 'leading')!.at).toBeGreaterThan(first.lastWorkAt);
  });

  it('is lost by a leader that stood still, who does nothing more when it goes on', async () => {
    prepare();
    const [first, second] = await pair();
    await until(() => first.has('working'));
    first.kill('SIGSTOP');
    await until(() => second.has('leading'), takeoverMsMax);
    const taken = second.said.find(({ what }) => what === 'leading')!.at;
    first.kill('SIGCONT');
    await until(() => first.has('lost'));
    await until(() => first.has('standing-by', taken));
    expect(first.lastWorkAt).toBeLessThan(taken);
    expect(first.said.filter(({ what }) => what === 'leading')).toHaveLength(1);
    expect(second.has('lost')).toBe(false);
    // And back again, so that the one who lost can lead once more.
    second.kill('SIGKILL');
    await until(() => first.said.filter(({ what }) => what === 'leading').length === 2, takeoverMsMax);
  });

  it('is given up while NATS is away, and had again when it is back', async () => {
    prepare();
    const [first, second] = await pair();
    await server.kill();
    await until(() => first.has('lost'), takeoverMsMax);
    const lost = first.said.find(({ what }) => what === 'lost')!.at;
    expect(first.lastWorkAt).toBeLessThanOrEqual(lost);
    await server.start();
    await until(() => first.has('leading', lost) || second.has('leading', lost), takeoverMsMax);
    expect(first.has('leading', lost) && second.has('leading', lost)).toBe(false);
  });

  it('survives a restart of NATS that is quicker than the lease', async () => {
    prepare();
    let [leader, other] = await pair();
    let [killed, restarted] = [0, 0];
    // On a machine that is busy a restart may take longer than the lease: then it was no such restart, and the next one may be.
    for (let attempt = 1; ; attempt += 1) {
      killed = Date.now();
      await server.kill();
      await server.start();
      restarted = Date.now();
      if (restarted - killed < 1_000) break;
      if (attempt === 10) throw new Error('this machine restarts NATS too slowly for this test');
      const works = (one: Contender) => one.has('working', restarted + 5_000);
      await until(() => works(leader) || works(other), 30_000);
      if (works(other)) [leader, other] = [other, leader];
    }
    await until(() => leader.has('working', restarted + 4_000) || other.has('working', restarted + 4_000), takeoverMsMax);
    expect(leader.has('lost', killed)).toBe(false);
    expect(other.has('leading', killed)).toBe(false);
  });

  it('is never two’s when the bucket is wiped under the leader', async () => {
    prepare();
    const [first, second] = await pair();
    await server.wipe();
    const wiped = Date.now();
    await until(() => first.has('lost', wiped), takeoverMsMax);
    const lost = first.said.find(({ what }) => what === 'lost')!.at;
    await until(() => first.has('leading', lost) || second.has('leading', lost), takeoverMsMax);
    const leads = [...first.said, ...second.said].filter(({ what, at }) => what === 'leading' && at >= wiped);
    expect(leads).toHaveLength(1);
    expect(leads[0]!.at).toBeGreaterThanOrEqual(lost);
  });
});

async function until(holds: () => boolean, timeoutMs = 15_000): Promise<void> {
  for (const limit = Date.now() + timeoutMs; !holds(); ) {
    if (Date.now() > limit) throw new Error(`not within ${timeoutMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
