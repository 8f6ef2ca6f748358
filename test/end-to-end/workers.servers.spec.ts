import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openFileLog } from '#libs/event-log/file';
import type { Announcement } from '#libs/snapshots';
import { Builder, campaign, content, type Folders, makeFolders, playbook, rule } from '../../libs/features/content-query/testing/edge.js';
import { freePorts } from '../free-ports.js';
import { Part } from '../part.js';
import { clean, collect, until } from '../system.js';

const program = fileURLToPath(new URL('../../dist/apps/content-query/main.js', import.meta.url));
const golf = playbook(
  'golf',
  [content('plain'), content('ten')],
  [campaign('spring', [rule('r1', 1, { segmentId: 'repeat', contentId: 'ten' })])],
);
const segments = ['repeat'];

interface Answered {
  readonly decisionId: string;
  readonly audience: string | null;
  readonly reason: string;
}

/** `VITRINE_WORKERS`: one content-query process whose threads answer on one port. */
describe('a content-query process of several threads', () => {
  let folders: Folders;
  let builder: Builder;
  let audience: Announcement;
  let edge: number;
  let ops: number;
  let part: Part | undefined;
  let agents: Agent[];
  beforeEach(async () => {
    folders = await makeFolders();
    builder = await Builder.open(folders);
    await builder.playbook(golf);
    audience = await builder.audience('golf', segments, { ann: ['repeat'], bob: [] });
    [edge, ops] = (await freePorts(2)) as [number, number];
    agents = [];
  });
  afterEach(async () => {
    for (const agent of agents) agent.destroy();
    await part?.end('SIGKILL');
    part = undefined;
    await builder.publication.close();
    await folders.remove();
  });

  const settings = (workers: string, more: Readonly<Record<string, string>> = {}) => ({
    VITRINE_DATA: join(folders.root, 'data'),
    VITRINE_NODE: 'n',
    VITRINE_SECRET: 'a secret of many characters',
    VITRINE_SNAPSHOTS: `file:${folders.snapshots}`,
    VITRINE_EVENT_LOG: `file:${join(folders.root, 'log')}`,
    VITRINE_EDGE_PORT: String(edge),
    VITRINE_OPS_PORT: String(ops),
    VITRINE_WORKERS: workers,
    ...more,
  });
  const start = async (workers: number, more: Readonly<Record<string, string>> = {}) => {
    part = new Part('content-query', [process.execPath, program], settings(String(workers), more), '"running"');
    await part.start();
    await until('it is ready', 20_000, async () => (await fetch(`http://127.0.0.1:${ops}/health/ready`)).status === 200);
    return part;
  };
  /** As many connections that stay. */
  const callers = (count: number) => {
    const opened = Array.from({ length: count }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    agents.push(...opened);
    return opened;
  };
  const ask = (agent: Agent, customerId: string) =>
    new Promise<Answered>((resolve, reject) => {
      request({ port: edge, path: `/q/golf/spring?c=${customerId}&s=s1`, agent, headers: { 'user-agent': 'a browser' } }, (response) => {
        // A server that closes says 503.
        if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
        const parts: Buffer[] = [];
        response.on('data', (bytes: Buffer) => parts.push(bytes)).on('end', () => resolve(JSON.parse(Buffer.concat(parts).toString())));
      })
        .on('error', reject)
        .end();
    });
  const askAll = async (agents: readonly Agent[], times: number) => {
    const answered: Answered[] = [];
    for (let round = 0; round < times; round += 1) answered.push(...(await Promise.all(agents.map((agent) => ask(agent, 'ann')))));
    return answered;
  };
  const untilItEnds = async (agents: readonly Agent[]) => {
    const all = agents.map(async (agent) => {
      const got: Answered[] = [];
      try {
        for (;;) got.push(await ask(agent, 'ann'));
      } catch {
        // What came before it ended counts.
        return got;
      }
    });
    return (await Promise.all(all)).flat();
  };
  const metric = async (line: string) => {
    const text = await (await fetch(`http://127.0.0.1:${ops}/metrics`)).text();
    const found = text.split('\n').find((one) => one.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.slice(line.length));
  };
  /** What stands in the log, by stream. */
  const recorded = async () => {
    const log = await openFileLog({ folder: join(folders.root, 'log'), readOnly: true });
    const found: { node: string; decisionId: string }[] = [];
    for await (const { stream, data } of log.readAll({ after: null }))
      found.push({ node: stream.split('.')[1] as string, decisionId: String((data as Record<string, unknown>)['decisionId']) });
    await log.close();
    return found;
  };
  const inLog = async (answered: readonly Answered[]) => {
    const wanted = new Set(answered.map(({ decisionId }) => decisionId));
    await until('all is in the log', 30_000, async () => {
      const ids = new Set((await recorded()).map(({ decisionId }) => decisionId));
      return [...wanted].every((id) => ids.has(id));
    });
    const found = await recorded();
    expect(new Set(found.map(({ decisionId }) => decisionId)).size).toBe(found.length);
    return found;
  };

  it('answers with each of them, and each records', async () => {
    await start(2);
    const connections = callers(8);
    const answered = await askAll(connections, 25);
    expect(new Set(answered.map(({ reason, audience: version }) => `${reason} ${version}`))).toEqual(
      new Set([`TARGETING_MATCH ${audience.version}`]),
    );
    expect([await metric('vitrine_worker_connections{worker="1"}'), await metric('vitrine_worker_connections{worker="2"}')]).toEqual([
      4, 4,
    ]);
    expect(await metric('vitrine_answers_total{client="golf",reason="TARGETING_MATCH"}')).toBe(200);
    expect(await metric('vitrine_fast_path_answers_total{way="prepared"}')).toBeGreaterThan(150);
    expect(await metric('vitrine_spool_log_available')).toBe(1);
    expect(await metric('vitrine_image_memory_bytes{state="used"}')).toBeGreaterThanOrEqual(audience.bytes);
    expect(await metric('vitrine_image_memory_bytes{state="spare"}')).toBe(0);
    expect(await metric(`vitrine_snapshot_info{client="golf",kind="audience",version="${audience.version}"}`)).toBe(1);
    const found = await inLog(answered);
    const of = (node: string) => found.filter((one) => one.node === node).length;
    expect([of('n'), of('n-w2')]).toEqual([100, 100]);
    expect((await fetch(`http://127.0.0.1:${edge}/health/ready`)).status).toBe(200);
  });

  it('gives new connections to the thread that has the fewest', async () => {
    await start(3);
    const open = async () => Promise.all([1, 2, 3].map((worker) => metric(`vitrine_worker_connections{worker="${worker}"}`)));
    const connections = callers(9);
    await askAll(connections, 1);
    expect(await open()).toEqual([3, 3, 3]);
    for (const agent of connections.slice(0, 5)) agent.destroy();
    await until('they are gone', 5_000, async () => (await open()).reduce((sum: number, one) => sum + (one ?? 0), 0) === 4);
    await askAll(callers(5), 1);
    expect(await open()).toEqual([3, 3, 3]);
  });

  it('swaps and takes increments in every thread, and acknowledges as one node', async () => {
    await start(2);
    const connections = callers(6);
    const versions = async () => [...new Set((await askAll(connections, 1)).map(({ audience: version }) => version))];
    const acknowledged = async () =>
      (await builder.publication.acknowledgements('golf'))
        .filter(({ kind }) => kind === 'audience')
        .map(({ nodeId, version }) => [nodeId, version]);
    for (let swap = 0; swap < 3; swap += 1) {
      const next = await builder.audience('golf', segments, { ann: ['repeat'], bob: [], [`c${swap}`]: ['repeat'] });
      await until('all answer from the next', 10_000, async () => (await versions()).join() === next.version);
      await builder.increment(next, 1, segments, { ann: [] });
      await until('all answer from its increment', 10_000, async () => (await versions()).join() === `${next.version}+1`);
      const all = await askAll(connections, 1);
      expect(all.every(({ reason }) => reason === 'DEFAULT')).toBe(true);
      await until('that is acknowledged', 10_000, async () => (await acknowledged()).join() === `n,${next.version}+1`);
    }
  });

  it('starts from its disk while the publication is empty', async () => {
    const first = await start(2);
    await until('it is kept', 10_000, async () => existsSync(join(folders.root, 'data/cache/n/kept/golf.audience.json')));
    expect(await first.end('SIGTERM')).toBe(0);
    await start(3, { VITRINE_SNAPSHOTS: `file:${join(folders.root, 'empty')}` });
    expect(new Set((await askAll(callers(6), 1)).map(({ audience: version }) => version))).toEqual(new Set([audience.version]));
    expect(first.complaints).toBe('');
  });

  it('brings into the log what all of them recorded, once, whatever kills it', async () => {
    await start(2);
    const answered = await askAll(callers(4), 10);
    await inLog(answered);
    const load = untilItEnds(callers(4));
    await until(
      'there is load',
      5_000,
      async () => ((await metric('vitrine_answers_total{client="golf",reason="TARGETING_MATCH"}')) ?? 0) > 200,
    );
    await part?.end('SIGKILL');
    await load;
    await start(2);
    await until('all is forwarded', 20_000, async () => (await metric('vitrine_spool_facts')) === 0);
    await inLog([...answered, ...(await askAll(callers(2), 5))]);
  });

  it('with fewer threads forwards what the former ones recorded', async () => {
    const [port] = (await freePorts(1)) as [number];
    const before = await start(4, { VITRINE_EVENT_LOG: `esdb://127.0.0.1:${port}?tls=false` });
    const answered = await askAll(callers(8), 10);
    await until('they are counted', 10_000, async () => (await metric('vitrine_spool_facts')) === answered.length);
    expect(await before.end('SIGTERM')).toBe(0);
    await start(2);
    const found = await inLog(answered);
    expect(new Set(found.map(({ node }) => node))).toEqual(new Set(['n', 'n-w2', 'n-w3', 'n-w4']));
    const left = (node: string) => existsSync(join(folders.root, 'data/spool', node));
    await until('the former folders are gone', 10_000, () => !left('n-w3') && !left('n-w4'));
    expect([left('n'), left('n-w2')]).toEqual([true, true]);
    expect(await metric('vitrine_spool_facts')).toBe(0);
  });

  it('ends in order when it is told to: whatever any thread has answered is recorded', async () => {
    const running = await start(3);
    const load = untilItEnds(callers(9));
    await until(
      'all have work',
      10_000,
      async () => ((await metric('vitrine_answers_total{client="golf",reason="TARGETING_MATCH"}')) ?? 0) > 300,
    );
    expect(await running.end('SIGTERM')).toBe(0);
    expect(running.complaints).toBe('');
    const answered = await load;
    await start(3);
    const found = await inLog(answered);
    expect(new Set(found.map(({ node }) => node))).toEqual(new Set(['n', 'n-w2', 'n-w3']));
  });

  it('goes on when descriptors run out, and counts no connection that it lost', async () => {
    const running = await start(2);
    const limit = (descriptors: number) => execFileSync('prlimit', [`--pid=${running.pid}`, `--nofile=${descriptors}:4096`]);
    const open = async () =>
      ((await metric('vitrine_worker_connections{worker="1"}')) ?? 0) + ((await metric('vitrine_worker_connections{worker="2"}')) ?? 0);
    const inUse = readdirSync(`/proc/${running.pid}/fd`).length;
    // Which of the threads asks for the last one differs.
    for (let more = 40; more < 46; more += 1) {
      limit(inUse + more);
      const sockets = Array.from({ length: 2 * more }, () => connect(edge, '127.0.0.1').on('error', () => undefined));
      let closed = 0;
      for (const socket of sockets) socket.on('close', () => (closed += 1)).resume();
      await until('some are turned away', 10_000, () => closed >= more / 2);
      for (const socket of sockets) socket.destroy();
      limit(4096);
      expect(running.isRunning).toBe(true);
      await until('none is counted', 10_000, async () => (await open()) === 0);
    }
    expect(await askAll(callers(4), 1)).toHaveLength(4);
  });

  it('says in one line what keeps a thread from starting', async () => {
    const held = await start(2);
    const [otherEdge, otherOps] = (await freePorts(2)) as [number, number];
    const child = spawn(process.execPath, [program], {
      env: clean(settings('1', { VITRINE_NODE: 'n-w2', VITRINE_EDGE_PORT: String(otherEdge), VITRINE_OPS_PORT: String(otherOps) })),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = collect(child);
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(output().stderr.trim().split('\n')).toEqual([expect.stringMatching(/n-w2 is in use by process/)]);
    expect(await held.end('SIGTERM')).toBe(0);
  });

  it('refuses a spool that is too small for so many threads', async () => {
    const env = clean(settings('64', { VITRINE_SPOOL_BYTES_MAX: '1048576' }));
    const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = collect(child);
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(output().stderr.trim()).toBe('vitrine: VITRINE_SPOOL_BYTES_MAX: each of 64 threads takes 1048576 bytes or more of it');
  });

  it.each(['0', '-1', '1.5', '65', '1000', 'many'])('refuses VITRINE_WORKERS=%s', async (workers) => {
    const child = spawn(process.execPath, [program], { env: clean(settings(workers)), stdio: ['ignore', 'pipe', 'pipe'] });
    const output = collect(child);
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(output().stderr.trim()).toBe(`vitrine: VITRINE_WORKERS: "${workers}" is not a whole number from 1 to 64`);
  });
});
