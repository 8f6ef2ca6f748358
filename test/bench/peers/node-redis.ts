/**
 * Peer: Node's `http` with a Redis `GET` per request (ioredis, which gathers the requests of one turn into one write); the answers stand ready.
 * It does less than we do: no rules, no groups, no click address, no record. `node node-redis.js <port> <answer.json> <redis port>`
 */
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { Redis } from 'ioredis';

const [port, file, redisPort] = process.argv.slice(2) as [string, string, string];
const { headers, body } = JSON.parse(readFileSync(file, 'utf8')) as { headers: Record<string, string>; body: string };
const answers = Array.from({ length: 200 }, (_, index) => Buffer.from(body.replace('xxx', String(index).padStart(3, '0'))));
const redis = new Redis({ port: Number(redisPort), host: '127.0.0.1', enableAutoPipelining: true });

const server = createServer((request, response) => {
  const target = request.url ?? '';
  const at = target.indexOf('c=') + 2;
  const end = target.indexOf('&', at);
  redis.get(target.slice(at, end < 0 ? undefined : end)).then(
    (value) => send(response, Number(value ?? 0)),
    () => response.writeHead(500).end(),
  );
});

function send(response: ServerResponse, number: number): void {
  const answer = answers[number] as Buffer;
  response.writeHead(200, { ...headers, 'content-length': String(answer.length) });
  response.end(answer);
}

server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
