/**
 * Peer: a Fastify route with a `Map` from customer to the number of an answer; the answers stand ready. It does less than we do: no rules, no
 * groups, no click address, no record. `node fastify-map.js <port> <answer.json> <customers>`
 */
import { readFileSync } from 'node:fs';
import fastify from 'fastify';
import { idOf } from '../harness/shop.js';

const [port, file, customers] = process.argv.slice(2) as [string, string, string];
const { headers, body } = JSON.parse(readFileSync(file, 'utf8')) as { headers: Record<string, string>; body: string };
const answers = Array.from({ length: 200 }, (_, index) => body.replace('xxx', String(index).padStart(3, '0')));
const table = new Map<string, number>();
for (let customer = 0; customer < Number(customers); customer += 1) table.set(idOf(customer), 1 + (customer % 199));

const app = fastify();
app.get<{ Querystring: { c?: string } }>('/q/:clientId/:campaignId', (request, reply) => {
  const answer = answers[table.get(request.query.c ?? '') ?? 0];
  return reply.headers(headers).send(answer);
});
await app.listen({ port: Number(port), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
