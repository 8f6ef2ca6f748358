import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Carrier, canMoveConnections, carriedTo, carrierOn, type ListeningHandle } from './handles.js';

/** Of a Unix socket on Linux; what is longer would be cut, without an error, to the path of something else. */
const pathBytesMax = 107;

/** What a thread needs to take its share of the connections; for its `workerData`. */
export interface Seat {
  /** Of the socket from which connections come. */
  readonly path: string;
  /** Of a socket for the thread's own server, which has to listen on something: nobody calls there. */
  readonly ownPath: string;
  readonly index: number;
  /** How many connections each seat has closed. */
  readonly closed: SharedArrayBuffer;
}

/** What `net` keeps of a server: how many connections it has open, and what listens. */
interface ServerInside {
  _connections: number;
  _handle: ListeningHandle | null;
}

interface Taker {
  readonly seat: Seat;
  carrier: Carrier | undefined;
  /** When it has a carrier. */
  readonly seated: Promise<void>;
  readonly onSeated: () => void;
  given: number;
}

/**
 * One listening port for several threads: the first accepts every connection and gives each to the thread that has the fewest, itself among them. A
 * connection stays where it came. Linux.
 */
export class SharedPort {
  private readonly takers: readonly Taker[];
  private readonly closed: Int32Array;
  private readonly doors: Server[] = [];
  private server: ServerInside | undefined;
  private turn = 0;
  private hasEnded = false;

  private constructor(
    private readonly folder: string,
    seats: number,
  ) {
    const closed = new SharedArrayBuffer(4 * seats);
    this.closed = new Int32Array(closed);
    this.takers = Array.from({ length: seats }, (_, index) => {
      let onSeated = (): void => undefined;
      const seated = new Promise<void>((resolve) => {
        onSeated = resolve;
      });
      const seat = { path: join(folder, `c${index}`), ownPath: join(folder, `s${index}`), index, closed };
      return { seat, carrier: undefined, seated, onSeated, given: 0 };
    });
  }

  /** `seats`: threads beside this one. @throws when connections cannot be moved between threads here, and what the folder of temporary files throws. */
  static async open(seats: number, temporary = tmpdir()): Promise<SharedPort> {
    if (!canMoveConnections()) throw new Error(`Node ${process.version} on ${process.platform} cannot move connections between threads`);
    const folder = await mkdtemp(join(temporary, 'vitrine-port-'));
    const port = new SharedPort(folder, seats);
    const longest = Math.max(...port.seats.map(({ path }) => Buffer.byteLength(path)));
    if (longest > pathBytesMax) {
      await rm(folder, { recursive: true });
      throw new Error(`${temporary} is too long for a socket’s path, which has ${pathBytesMax} bytes at most`);
    }
    for (const taker of port.takers) await port.openDoor(taker);
    return port;
  }

  get seats(): readonly Seat[] {
    return this.takers.map(({ seat }) => seat);
  }

  /** Connections that each thread has, this one first. */
  get open(): number[] {
    return [this.server?._connections ?? 0, ...this.takers.map((taker) => this.openAt(taker))];
  }

  /** Call when the server listens. Resolves when all threads have taken their seats: from then on they have their share. */
  async share(server: Server): Promise<void> {
    await Promise.all(this.takers.map(({ seated }) => seated));
    // Nobody else is to come in.
    await rm(this.folder, { recursive: true, force: true });
    const inside = server as unknown as ServerInside;
    const handle = inside._handle as ListeningHandle;
    const { onconnection } = handle;
    this.server = inside;
    handle.onconnection = (error, connection) => {
      const taker = error || connection === undefined || this.hasEnded ? undefined : this.emptiest();
      const done = (isSent: boolean) => {
        connection?.close();
        if (!isSent && taker !== undefined) taker.given -= 1;
      };
      if (taker?.carrier?.carry(connection!, done) === true) taker.given += 1;
      else onconnection.call(handle, error, connection);
    };
  }

  /** No more connections are given away: each thread is told behind its last. Who has not taken its seat hears nothing. */
  async end(): Promise<void> {
    if (this.hasEnded) return;
    this.hasEnded = true;
    for (const { carrier } of this.takers) carrier?.end();
    for (const door of this.doors) door.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async openDoor(taker: Taker): Promise<void> {
    const door = createServer({ pauseOnConnect: true }, (socket) => {
      taker.carrier = carrierOn(socket);
      taker.onSeated();
      door.close();
    });
    this.doors.push(door);
    door.listen(taker.seat.path);
    await once(door, 'listening');
  }

  private openAt({ given, seat }: Taker): number {
    return given - Atomics.load(this.closed, seat.index);
  }

  /** Undefined: this thread. Among equals each has its turn. */
  private emptiest(): Taker | undefined {
    const count = this.takers.length + 1;
    this.turn = (this.turn + 1) % count;
    let found: Taker | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (let step = 0; step < count; step += 1) {
      const taker = this.takers[((this.turn + step) % count) - 1];
      const open = taker === undefined ? (this.server?._connections ?? 0) : this.openAt(taker);
      if (open >= fewest) continue;
      fewest = open;
      found = taker;
    }
    return found;
  }
}

/**
 * Takes a seat: connections come to the server, which listens on the seat's `ownPath`, as if it had accepted them. Resolves when they can come;
 * `ended` is called behind the last.
 */
export async function takeSeat(server: Server, { path, index, closed }: Seat, ended: () => void): Promise<void> {
  const inside = server as unknown as ServerInside;
  const handle = inside._handle as ListeningHandle;
  const counts = new Int32Array(closed);
  let open = inside._connections;
  // `net` counts a connection down when it is gone, whoever has it by then.
  Object.defineProperty(inside, '_connections', {
    get: () => open,
    set(now: number) {
      if (now < open) Atomics.add(counts, index, open - now);
      open = now;
    },
  });
  await carriedTo(path, {
    take: (connection) => handle.onconnection(0, connection),
    // It was given to this thread, and is gone.
    lost: () => Atomics.add(counts, index, 1),
    ended,
  });
}
