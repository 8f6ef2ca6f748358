import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Seat, SharedPort, takeSeat } from './shared-port.js';

/** Servers of one thread stand for those of several: between two of them a connection goes the same way. */
describe('a port that threads share', () => {
  let port: SharedPort;
  let first: Server;
  let others: Server[];
  let ended: number[];
  let agents: Agent[];
  beforeEach(async () => {
    [others, ended, agents] = [[], [], []];
    port = await SharedPort.open(2);
    for (const seat of port.seats) others.push(await seated(seat));
    first = await listening('first', 0);
    await port.share(first);
  });
  afterEach(async () => {
    for (const agent of agents) agent.destroy();
    await port.end();
    await Promise.all([first, ...others].map((server) => new Promise((resolve) => server.close(resolve))));
  });

  const listening = async (name: string, where: number | string) => {
    const server = createServer((request, response) => response.end(`${name} ${request.url} ${request.socket.remoteAddress}`));
    server.listen(typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where });
    await once(server, 'listening');
    return server;
  };
  const seated = async (seat: Seat) => {
    const server = await listening(`thread ${seat.index}`, seat.ownPath);
    await takeSeat(server, seat, () => ended.push(seat.index));
    return server;
  };
  const caller = () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agents.push(agent);
    return agent;
  };
  const ask = (agent: Agent, path = '/') =>
    new Promise<string>((resolve, reject) => {
      get({ port: (first.address() as AddressInfo).port, path, agent }, (response) => {
        let text = '';
        response.on('data', (bytes: Buffer) => {
          text += bytes.toString();
        });
        response.on('end', () => resolve(text));
      }).on('error', reject);
    });
  const until = async (holds: () => boolean) => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
  };

  it('gives each thread as many connections, which stay where they came', async () => {
    const all = Array.from({ length: 9 }, caller);
    const answers: string[] = [];
    for (const agent of all) answers.push(await ask(agent));
    expect(port.open).toEqual([3, 3, 3]);
    expect(answers.filter((answer) => answer === 'thread 1 / 127.0.0.1')).toHaveLength(3);
    for (const [index, agent] of all.entries()) expect(await ask(agent)).toBe(answers[index]);
  });

  it('gives a burst away evenly too', async () => {
    await Promise.all(Array.from({ length: 90 }, () => ask(caller())));
    expect(port.open).toEqual([30, 30, 30]);
  });

  it('counts connections that are gone, and fills up who has fewer', async () => {
    const all = Array.from({ length: 12 }, caller);
    for (const agent of all) await ask(agent);
    for (const agent of all.slice(0, 7)) agent.destroy();
    await until(() => port.open.reduce((sum, one) => sum + one, 0) === 5);
    for (let more = 0; more < 7; more += 1) await ask(caller());
    expect(port.open).toEqual([4, 4, 4]);
    for (const agent of agents) agent.destroy();
    await until(() => port.open.every((one) => one === 0));
  });

  it('tells each thread behind its last connection, and answers what comes later itself', async () => {
    const calls = Array.from({ length: 30 }, (_, index) => ask(caller(), `/${index}`));
    const answers = await Promise.all(calls);
    await port.end();
    await until(() => ended.length === 2);
    expect(new Set(answers.map((answer) => answer.split(' ')[0]))).toEqual(new Set(['first', 'thread']));
    const late = await Promise.all(Array.from({ length: 6 }, () => ask(caller())));
    expect(late.every((answer) => answer.startsWith('first '))).toBe(true);
  });

  it('refuses a folder of temporary files whose sockets would have paths that are cut', async () => {
    const deep = await mkdtemp(join(tmpdir(), 'x'.repeat(80)));
    try {
      await expect(SharedPort.open(1, deep)).rejects.toThrow('too long for a socket’s path');
      expect(readdirSync(deep)).toEqual([]);
    } finally {
      await rm(deep, { recursive: true });
    }
  });

  it('leaves nothing on the disk', () => {
    for (const { path } of port.seats) expect(existsSync(dirname(path))).toBe(false);
  });
});
