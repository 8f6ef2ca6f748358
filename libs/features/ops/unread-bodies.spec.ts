import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fastify from 'fastify';
import { readUnreadBodies } from './unread-bodies.js';

const instance = fastify({ bodyLimit: 1000 });

describe('an answer before the body is read', () => {
  let url: string;
  beforeAll(async () => {
    readUnreadBodies(instance);
    instance.post('/json', async () => ({ read: true }));
    instance.register(async (scope) => {
      scope.addHook('onRequest', async (_request, reply) => reply.code(401).send({ code: 'UNAUTHENTICATED' }));
      scope.post('/closed', async () => ({ read: true }));
    });
    instance.get('/quick', (_request, reply) => reply.send('quick'));
    url = await instance.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(() => instance.close());

  const post = (path: string, body: NonNullable<RequestInit['body']>) =>
    fetch(url + path, { method: 'POST', body, headers: { 'content-type': 'application/json' }, duplex: 'half' } as RequestInit);

  it.each(['/json', '/closed'])('reaches a sender of twenty megabytes to %s', async (path) => {
    for (let round = 0; round < 3; round += 1) {
      const answer = await post(path, 'x'.repeat(20_000_000));
      expect([answer.status, await answer.json()]).toEqual([
        path === '/json' ? 413 : 401,
        expect.objectContaining({ code: expect.any(String) }),
      ]);
    }
  });

  it('reaches a sender who does not say how much comes', async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let index = 0; index < 100; index += 1) controller.enqueue(new Uint8Array(100_000));
        controller.close();
      },
    });
    expect((await post('/json', body)).status).toBe(413);
  });

  it('changes nothing else', async () => {
    expect(await (await fetch(`${url}/quick`)).text()).toBe('quick');
    expect((await post('/json', '{}')).status).toBe(200);
  });
});
