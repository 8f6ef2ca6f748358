/** TLS before a plain server, with a certificate made for the run, by the system's openssl. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';

export class TlsFront {
  private constructor(
    private readonly server: Server,
    private readonly sockets: ReadonlySet<TLSSocket>,
  ) {}

  /** Passes to that port of this machine what comes in. */
  static async before(port: number): Promise<TlsFront> {
    const folder = mkdtempSync(join(tmpdir(), 'vitrine-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    try {
      const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=shop.test'];
      execFileSync('openssl', ['req', ...form, '-keyout', key, '-out', cert], { stdio: 'pipe' });
      const sockets = new Set<TLSSocket>();
      const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
        sockets.add(socket);
        const onward = connect(port, '127.0.0.1');
        socket.pipe(onward).pipe(socket);
        // One side that goes takes the other along.
        socket.on('error', () => onward.destroy()).on('close', () => onward.destroy());
        onward.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return new TlsFront(server, sockets);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
