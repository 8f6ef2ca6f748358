import { connect } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import { System, until } from '../system.js';

describe('a stop', () => {
  let system: System;
  afterAll(() => system?.dispose());

  // Whoever waited for one of them would wait as long as it keeps its connection, and so for this test's limit.
  it('waits for nobody who sends half of something, or nothing', async () => {
    system = await System.start();
    const { hostname, port } = new URL(system.edge);
    const open = new Set([
      'GET /q/golf/home?c=ann HTTP/1.1\r\nhost: ed',
      'GET /q/golf/home?c=ann HTTP/1.1\r\nhost: edge\r\n\r\nGET /q/go',
      'POST /e/golf HTTP/1.1\r\nhost: edge\r\ncontent-length: 100\r\n\r\n{"batch"',
      'POST /q/golf HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"sl',
      'GET /tag.js HTTP/1.1\r\n',
      '',
    ]);
    for (const half of open) {
      const socket = connect(Number(port), hostname)
        .on('error', () => undefined)
        .on('close', () => open.delete(half));
      socket.resume().write(half);
    }
    // The edge has answered somebody who came after them.
    await (await fetch(`${system.edge}/health/ready`)).text();
    expect(open.size).toBe(6);
    expect(await system.stop()).toBe(0);
    await until('all are closed', 5_000, () => open.size === 0);
  });
});
