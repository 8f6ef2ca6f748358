/** Stands before the edge, remembers what was asked, and answers late, with errors, or not at all, as a test tells it. */
import { once } from 'node:events';
import { request as ask, createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What happens to a request: null passes it on at once; a promise that resolves passes it on later. */
export type Rule = (asked: Asked) => null | Promise<void> | { status: number; body?: string; type?: string } | 'cut' | 'lose answer';

export class EdgeProxy {
  readonly asked: Asked[] = [];
  private rule: Rule = () => null;
  private readonly held = new Set<() => void>();

  private constructor(
    private readonly server: Server,
    private readonly edge: () => string,
  ) {}

  static async open(edge: () => string): Promise<EdgeProxy> {
    const server = createServer((request, response) => {
      proxy.take(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    });
    const proxy = new EdgeProxy(server, edge);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** As browsers reach it: another site than the pages'. */
  get origin(): string {
    return `http://edge.test:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on; without a rule all passes. */
  set(rule: Rule = () => null): void {
    this.rule = rule;
  }

  /** A rule for requests of that path: they wait until `release` is called. */
  hold(path: string): Rule {
    return (asked) => (asked.path.startsWith(path) ? new Promise((resolve) => this.held.add(resolve)) : null);
  }

  release(): void {
    this.rule = () => null;
    for (const go of this.held) go();
    this.held.clear();
  }

  get waiting(): number {
    return this.held.size;
  }

  /** Requests to that path, such as `/q/` or `/e/`, since the last `forget`. */
  requests(path: string): Asked[] {
    return this.asked.filter((one) => one.path.startsWith(path));
  }

  forget(): void {
    this.asked.length = 0;
    this.release();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const asked = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: body.toString('utf8') };
    this.asked.push(asked);
    const verdict = this.rule(asked);
    if (verdict === 'cut') {
      request.socket.destroy();
      return;
    }
    if (verdict !== null && typeof verdict === 'object' && 'status' in verdict) {
      response.writeHead(verdict.status, { 'content-type': verdict.type ?? 'application/json', 'access-control-allow-origin': '*' });
      response.end(verdict.body ?? '{"code":"TEST","message":"as the test wants it"}');
      return;
    }
    if (verdict instanceof Promise) await verdict;
    const target = new URL(asked.path, this.edge());
    // The host stays as the browser named it: addresses in answers lead through here.
    const onward = ask(target, { method: asked.method, headers: { ...request.headers, connection: 'close' } });
    onward.end(body);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    if (verdict === 'lose answer') {
      answer.resume();
      await once(answer, 'end');
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  }

  async close(): Promise<void> {
    this.release();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
