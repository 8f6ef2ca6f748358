/** Web pages for a browser to open, made by each test, under any host name: the name is part of the page's key. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Page {
  readonly body: string | Buffer;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The page is sent in parts: what comes after a part waits for the part's promise. */
  readonly rest?: () => AsyncIterable<string>;
}

export class Site {
  private readonly pages = new Map<string, Page>();
  readonly asked: string[] = [];

  private constructor(private readonly server: Server) {}

  static async open(): Promise<Site> {
    const server = createServer(async (request, response) => {
      const path = (request.url ?? '/').split('?', 1)[0] as string;
      site.asked.push(request.url ?? '/');
      const page = site.pages.get(path);
      if (page === undefined) {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('not here');
        return;
      }
      response.writeHead(200, { 'content-type': page.type ?? 'text/html; charset=utf-8', 'cache-control': 'no-cache', ...page.headers });
      response.write(page.body);
      for await (const part of page.rest?.() ?? []) response.write(part);
      response.end();
    });
    const site = new Site(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return site;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Where a page is under a host name. */
  at(path: string, host = 'shop.test'): string {
    return `http://${host}:${this.port}${path}`;
  }

  put(path: string, page: Page | string): void {
    this.pages.set(path, typeof page === 'string' ? { body: page } : page);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
