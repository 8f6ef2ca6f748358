/** Peer: Node's own `http` server with a constant. `node node-http.js <port> <answer.json>` */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port, file] = process.argv.slice(2) as [string, string];
const { headers, body } = JSON.parse(readFileSync(file, 'utf8')) as { headers: Record<string, string>; body: string };
const bytes = Buffer.from(body);
const head = { ...headers, 'content-length': String(bytes.length) };

const server = createServer((_request, response) => {
  response.writeHead(200, head);
  response.end(bytes);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
