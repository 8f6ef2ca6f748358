import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from '@jest/globals';
import fastify from 'fastify';
import { closeInTime } from './close-in-time.js';

it('answers what is under way, and does not wait for who sends half a request', async () => {
  const app = fastify();
  let begun: () => void = () => undefined;
  const isBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  app.get('/slow', async () => {
    begun();
    await new Promise((resolve) => setTimeout(resolve, 200));
    return 'answered';
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const half = connect(port, '127.0.0.1');
  await once(half, 'connect');
  half.resume().write('POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
  const answered = fetch(`http://127.0.0.1:${port}/slow`).then((response) => response.text());
  await isBegun;
  const gone = once(
    half.on('error', () => undefined),
    'close',
  );
  const began = performance.now();
  await closeInTime(() => app.close(), app.server, 600);
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(await answered).toBe('answered');
  await gone;
});
