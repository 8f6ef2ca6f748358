import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { freePorts } from './free-ports.js';
import { until } from './system.js';

/** What a wire does with connections. `cut`: those that are open are reset, new ones refused. `mute`: they are taken, and nothing is passed on. */
export type WireState = 'whole' | 'cut' | 'mute';

/**
 * A TCP proxy on loopback between a part and what it needs. Muted, bytes stay where they are, as behind a network that lost its way: when the
 * wire is whole again they arrive, however late.
 */
export class Wire {
  private state: WireState = 'whole';
  private readonly pairs = new Map<Socket, Socket>();

  private constructor(
    /** Who connects, and to what. */
    readonly from: string,
    readonly to: string,
    private server: Server,
    private readonly target: { readonly host: string; readonly port: number },
    readonly port: number,
  ) {
    server.on('connection', (near) => this.join(near));
  }

  static async between(from: string, to: string, target: { readonly host: string; readonly port: number }): Promise<Wire> {
    const [port] = (await freePorts(1)) as [number];
    const server = await listen(port);
    if (server === undefined) throw new Error(`port ${port} was free a moment ago`);
    return new Wire(from, to, server, target, port);
  }

  async become(state: WireState): Promise<void> {
    this.state = state;
    if (state === 'cut') {
      const closed = once(this.server, 'close');
      this.server.close();
      for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy();
      await closed;
      return;
    }
    for (const pair of this.pairs) for (const socket of pair) state === 'mute' ? socket.pause() : socket.resume();
    if (this.server.listening) return;
    // Connections that are just being closed may hold it for a moment.
    await until(`the port of ${this.from} → ${this.to} is free again`, 10_000, async () => {
      const server = await listen(this.port);
      if (server === undefined) return false;
      this.server = server.on('connection', (near) => this.join(near));
      return true;
    });
  }

  async close(): Promise<void> {
    if (this.state !== 'cut') await this.become('cut');
  }

  private join(near: Socket): void {
    const far = new Socket().setNoDelay();
    near.setNoDelay();
    this.pairs.set(near, far);
    const gone = () => this.pairs.delete(near);
    this.pass(near, far, gone);
    this.pass(far, near, gone);
    far.connect(this.target);
    if (this.state === 'mute') far.pause();
    else near.resume();
  }

  /** With its back-pressure; an end or a break of one side is one of the other. */
  private pass(from: Socket, to: Socket, gone: () => void): void {
    from
      .on('data', (chunk) => {
        if (to.write(chunk)) return;
        from.pause();
        to.once('drain', () => {
          if (this.state === 'whole') from.resume();
        });
      })
      .on('end', () => to.end())
      .on('error', () => to.destroy())
      .on('close', () => {
        gone();
        to.destroySoon();
      });
  }
}

/** Undefined when the port is taken. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

/** The wires of a deployment; without any when it is not to be wired. */
export class Wiring {
  readonly wires: Wire[] = [];

  constructor(private readonly wired: boolean) {}

  /** The address as `from` is to use it; one that names no host and port, such as `file:`, as it is. */
  async between(from: string, to: string, address: string): Promise<string> {
    const found = /([\w.-]+):(\d+)(?=[/?]|$)/.exec(address);
    if (!this.wired || found === null) return address;
    const [place, host, port] = found as unknown as [string, string, string];
    const wire = await Wire.between(from, to, { host, port: Number(port) });
    this.wires.push(wire);
    return address.replace(place, `127.0.0.1:${wire.port}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.wires.map((wire) => wire.close()));
  }
}
