/** Others' servers, each set up as its own documentation says for speed, with one worker, on the core that ours has in its turn. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { type AnswerShape, jsonOf } from './answers.js';
import { freePort, root, type Server, startServer } from './processes.js';
import { idOf, setNumberOf } from './shop.js';

export interface Peer {
  readonly server: Server;
  readonly name: string;
  readonly version: string;
}

/** nginx with one worker that returns a constant. */
export async function startNginx(folder: string, shape: AnswerShape): Promise<Peer> {
  const port = await freePort();
  const headers = Object.entries(shape.headers)
    .filter(([name]) => name !== 'content-type')
    .map(([name, value]) => `      add_header ${name} "${value}";`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_timeout 60s;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / {
      default_type "${shape.headers['content-type']}";
${headers.join('\n')}
      return 200 '${jsonOf(shape.bodyBytes, 'constant')}';
    }
  }
}
`,
  );
  // It says its version on standard error.
  const version = /nginx\/(\S+)/.exec(spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr)?.[1];
  const server = await startServer({ name: 'nginx', command: ['nginx', '-c', file, '-p', folder], url: `http://127.0.0.1:${port}` });
  return { server, name: 'nginx', version: version ?? 'unknown' };
}

/** HAProxy with one thread that looks the customer up in a map file of all customers, and answers with the value in a text of our size. */
export async function startHaproxy(folder: string, shape: AnswerShape, customers: number): Promise<Peer> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const map = join(folder, 'customers.map');
  const lines = createWriteStream(map);
  for (let customer = 0; customer < customers; ) {
    let block = '';
    for (const end = Math.min(customers, customer + 10_000); customer < end; customer += 1)
      block += `${idOf(customer)} ${memberOf(customer)}\n`;
    if (!lines.write(block)) await new Promise<void>((resolve) => lines.once('drain', resolve));
  }
  lines.end();
  await finished(lines);
  const headers = Object.entries(shape.headers)
    .filter(([name]) => name !== 'content-type')
    .map(([name, value]) => `hdr ${name} "${value}"`);
  const text = jsonOf(shape.bodyBytes, 'map').replaceAll('"', '\\"').replace('xxx', `%[url_param(c),map_str(${map},000)]`);
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 1024
defaults
  mode http
  timeout client 60s
  timeout connect 5s
  timeout server 60s
  timeout http-keep-alive 60s
frontend edge
  bind 127.0.0.1:${port}
  http-request return status 200 content-type "${shape.headers['content-type']}" ${headers.join(' ')} lf-string "${text}"
`,
  );
  const version = /version (\S+)/.exec(execFileSync('haproxy', ['-v'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  const server = await startServer({ name: 'haproxy', command: ['haproxy', '-db', '-f', file], url: `http://127.0.0.1:${port}` });
  return { server, name: 'HAProxy, a map file', version };
}

type NodePeer = 'node-http' | 'fastify-map' | 'node-redis';

/** A peer of test/bench/peers. */
export async function startNodePeer(kind: NodePeer, folder: string, shape: AnswerShape, args: readonly string[] = []): Promise<Server> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${kind}.json`);
  writeFileSync(file, JSON.stringify({ headers: shape.headers, body: jsonOf(shape.bodyBytes, kind) }));
  return startServer({
    name: kind,
    command: [process.execPath, '--max-old-space-size=8192', join(root, `dist/test/bench/peers/${kind}.js`), String(port), file, ...args],
    url: `http://127.0.0.1:${port}`,
  });
}

/** Redis with all customers and Node's http in front of it: both are the server. */
export async function startRedis(folder: string, shape: AnswerShape, customers: number): Promise<Peer> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const redis = await startServer({
    name: 'redis-server',
    command: ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    url: `http://127.0.0.1:${port}`,
  });
  try {
    await fill(port, customers);
    const node = await startNodePeer('node-redis', folder, shape, [String(port)]);
    const server: Server = {
      ...node,
      pids: () => [...node.pids(), ...redis.pids()],
      stop: async () => {
        await node.stop();
        await redis.stop();
      },
    };
    const version = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1];
    return {
      server,
      name: 'Node http with a Redis GET (ioredis)',
      version: `${process.version}, Redis ${version}, ioredis ${versionOf('ioredis')}`,
    };
  } catch (error) {
    await redis.stop();
    throw error;
  }
}

/** All customers, 1,000 to a command. */
async function fill(port: number, customers: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  let answered = 0;
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 0x2b) answered += 1;
    wake();
  });
  const commands = Math.ceil(customers / 1_000);
  for (let command = 0; command < commands; command += 1) {
    const first = command * 1_000;
    const count = Math.min(1_000, customers - first);
    let text = `*${count * 2 + 1}\r\n$4\r\nMSET\r\n`;
    for (let customer = first; customer < first + count; customer += 1) {
      const value = memberOf(customer);
      text += `$36\r\n${idOf(customer)}\r\n$${value.length}\r\n${value}\r\n`;
    }
    if (!socket.write(text)) await new Promise<void>((resolve) => socket.once('drain', resolve));
  }
  while (answered < commands) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  socket.destroy();
}

function memberOf(customer: number): string {
  return String(setNumberOf(BigInt(customer) << 7n) + 1).padStart(3, '0');
}

export function versionOf(npmPackage: string): string {
  return (JSON.parse(readFileSync(join(root, 'node_modules', npmPackage, 'package.json'), 'utf8')) as { version: string }).version;
}
