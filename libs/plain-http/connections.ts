import type { Server } from 'node:http';
import { Socket } from 'node:net';
import { type Conversation, incomplete, type Recogniser, type Reply, unrecognised } from './conversation.js';
import { type DirectIo, directIo, type Handle, handleOf } from './direct-io.js';
import { type ReadBytes, readBytes } from './read-bytes.js';

// A connection that breaks is closed by the stream itself; there is nobody to tell.
const ignored = (): void => undefined;

/** One read takes at most so many bytes, as Node's own do. */
const readBytesMax = 65_536;
/** Responses to requests of one read are put together up to so many bytes. */
const batchBytesMax = 65_536;
/** A request that is not there whole is waited for up to so many bytes, or those it is known to need, and for one to two ticks; then Node's parser gets it. */
const keptBytesMax = 16_384;
/** While an answer is on its way, so much is read of what follows. */
const aheadBytesMax = 65_536;
const tickMs = 1_000;
const keptTicksMax = 2;
/** A connection that says nothing is Node's after so many ticks. */
const silentTicksMax = 5;

type ConnectionListener = (this: Server, socket: Socket) => void;

const ofServers = new WeakMap<Server, PlainConnections>();

/**
 * What stands before a server that does not listen yet, the same for all who ask. Undefined when this Node's sockets are not as they are known here:
 * then the server answers everything itself.
 */
export function plainConnections(server: Server): PlainConnections | undefined {
  const known = ofServers.get(server);
  if (known !== undefined) return known;
  const io = directIo();
  if (io === undefined || (server.maxRequestsPerSocket !== null && (server.maxRequestsPerSocket ?? 0) > 0)) return undefined;
  const made = new PlainConnections(server, io);
  ofServers.set(server, made);
  return made;
}

/** Why there are none. */
export function socketsUnknown(): Error {
  return new Error(`Node ${process.version} has other sockets than the fast path knows`);
}

/**
 * Stands before an HTTP server: takes every connection, has its requests answered by the recognisers, and gives a connection to the server, unread bytes
 * included, with the first request that none of them recognises. From then on the connection is the server's as if it had always been. When the
 * server is to close, idle connections end at once and requests under way go to the server.
 */
export class PlainConnections {
  /** Connections given to the server. */
  handedOver = 0;
  private readonly connections = new Set<Connection>();
  private readonly recognisers: Recogniser[] = [];
  private readonly input = readBytes(readBytesMax);
  private readonly readInto = this.input.bytes.subarray(0, readBytesMax);
  private batch = Buffer.allocUnsafeSlow(batchBytesMax);
  private batchLength = 0;
  private listeners: readonly ConnectionListener[] = [];
  private tick = 0;
  private timer: NodeJS.Timeout | undefined;
  private isClosing = false;
  /** Who recognised the request that was read last, or waits for more of it. */
  private asked: Conversation | undefined;

  constructor(
    private readonly server: Server,
    private readonly io: DirectIo,
  ) {}

  /** Before the server listens. Who is added first is asked first. */
  add(recogniser: Recogniser): void {
    if (this.recognisers.push(recogniser) === 1) this.attach();
  }

  private attach(): void {
    const { server } = this;
    this.listeners = server.listeners('connection') as ConnectionListener[];
    server.removeAllListeners('connection');
    server.on('connection', (socket) => this.accept(socket));
    // The server's own methods know its own connections only.
    const [closeIdle, closeAll] = [server.closeIdleConnections.bind(server), server.closeAllConnections.bind(server)];
    server.closeIdleConnections = () => {
      // First its own: one that is given away now has not said anything to it yet, and would count as idle.
      closeIdle();
      this.closeIdle();
    };
    server.closeAllConnections = () => {
      for (const { socket } of this.connections) socket.destroy();
      closeAll();
    };
    this.timer = setInterval(() => this.sweep(), tickMs);
    this.timer.unref();
    server.once('close', () => clearInterval(this.timer));
  }

  /** Open here. */
  get size(): number {
    return this.connections.size;
  }

  /** The server has begun to close. */
  get closes(): boolean {
    return this.isClosing;
  }

  private accept(accepted: Socket): void {
    const handle = handleOf(accepted);
    if (this.isClosing || handle === undefined) {
      this.give(accepted);
      return;
    }
    const socket: Socket = this.takeOver(accepted, (length) => socket.push(Buffer.from(this.readInto.subarray(0, length))));
    const connection = new Connection(this, socket, handle, this.tick);
    for (const recogniser of this.recognisers) connection.conversations.push(recogniser.begin(connection));
    // Past the socket, which would look at a dozen of its own fields first; it takes the end and errors, and all once the connection is given away.
    const { io } = this;
    handle.onread = (buffer) => {
      const length = io.read();
      if (length <= 0) return connection.onread.call(handle, buffer);
      this.received(connection, length);
      return undefined;
    };
    this.connections.add(connection);
    socket.on('end', connection.onEnd).on('close', connection.onClose).on('error', ignored);
  }

  /**
   * A socket on the same handle that reads into one buffer for all connections: `onread`, which only a socket's constructor takes. Reading in the
   * common way makes a buffer of 64 kB per read and costs 1.3 µs more. `callback` is for a connection that was given away.
   */
  private takeOver(accepted: Socket, callback?: (length: number) => boolean): Socket {
    const { server } = this;
    // What `net` keeps beside the handle, and how it counts connections.
    const inner = accepted as unknown as { _handle: unknown; _server: unknown; server: unknown };
    const reading = callback === undefined ? { manualStart: true } : { onread: { buffer: this.readInto, callback } };
    const options = { handle: inner._handle, allowHalfOpen: true, ...reading };
    inner._handle = null;
    inner._server = null;
    // The types know neither `handle` nor `manualStart`; `net` makes its own sockets with them.
    const socket = new Socket(options as unknown as ConstructorParameters<typeof Socket>[0]);
    Object.assign(socket, { server, _server: server });
    return socket;
  }

  private give(socket: Socket): void {
    this.handedOver += 1;
    for (const listener of this.listeners) listener.call(this.server, socket);
  }

  private received(connection: Connection, length: number): void {
    connection.tick = this.tick;
    const { input } = this;
    const { kept } = connection;
    if (kept === undefined) {
      input.end = length;
      connection.keptTick = -1;
      if (connection.waits) this.keep(connection, input, 0);
      else this.serve(connection, input);
      return;
    }
    const whole = appended(kept, this.readInto, length);
    connection.kept = whole;
    if (!connection.waits && whole.end >= connection.needs) this.serve(connection, whole);
    else if (connection.waits && whole.end >= aheadBytesMax) stopReading(connection.handle);
  }

  /** Has request after request answered; keeps or gives away what is left. */
  private serve(connection: Connection, input: ReadBytes): void {
    const { end } = input;
    connection.kept = undefined;
    connection.needs = 0;
    input.bytes[end] = 0;
    let at = 0;
    while (at < end) {
      const next = this.isClosing ? unrecognised : this.ask(connection.conversations, input, at);
      if (next < at) {
        connection.needs = next === incomplete ? this.asked!.needs : 0;
        if (!this.flush(connection)) this.keep(connection, input, at);
        else if (next === incomplete && end - at <= Math.max(keptBytesMax, connection.needs)) this.keep(connection, input, at);
        else this.handOver(connection, input.bytes.subarray(at, end));
        return;
      }
      connection.answered = true;
      at = next;
      const { response } = this.asked!;
      if (response === undefined) {
        connection.waits = true;
        this.flush(connection);
        if (at < end) this.keep(connection, input, at);
        return;
      }
      // Mostly the only request of the read: its response goes out as it is.
      if (at === end && this.batchLength === 0 ? this.write(connection, response, this.asked) : this.put(connection, response)) continue;
      if (at < end) this.keep(connection, input, at);
      return;
    }
    if (this.batchLength > 0) this.flush(connection);
  }

  private ask(conversations: readonly Conversation[], input: ReadBytes, at: number): number {
    for (let index = 0; index < conversations.length; index++) {
      const conversation = conversations[index]!;
      const next = conversation.read(input, at);
      if (next === unrecognised) continue;
      this.asked = conversation;
      return next;
    }
    return unrecognised;
  }

  private keep(connection: Connection, input: ReadBytes, from: number): void {
    // What is kept already stays where it is, when there is room for the rest.
    const { needs } = connection;
    connection.kept = from > 0 || input === this.input || input.bytes.length <= needs ? copied(input, from, needs) : input;
    if (from > 0 || connection.keptTick < 0) connection.keptTick = this.tick;
  }

  /** The answer to the request that was read last. */
  answered(connection: Connection, response: Buffer): void {
    const { socket } = connection;
    connection.waits = false;
    if (socket.destroyed || connection.isEnded) return;
    connection.tick = this.tick;
    // Such an answer says that it is the last: what came behind it is nobody's, half a request would keep the server from closing.
    if (this.isClosing) connection.kept = undefined;
    if (this.write(connection, response)) this.goOn(connection);
  }

  /** Puts the response behind those of the same read. False when the connection takes no more for now. */
  private put(connection: Connection, response: Buffer): boolean {
    if (this.batchLength + response.length > batchBytesMax && !this.flush(connection)) {
      // The response was made and has its place behind those that are being written.
      connection.socket.write(Buffer.from(response));
      return false;
    }
    if (response.length > batchBytesMax) return this.write(connection, response, this.asked);
    response.copy(this.batch, this.batchLength);
    this.batchLength += response.length;
    return true;
  }

  private flush(connection: Connection): boolean {
    if (this.batchLength === 0) return connection.writing === 0;
    const responses = this.batch.subarray(0, this.batchLength);
    this.batchLength = 0;
    return this.write(connection, responses);
  }

  /** False when the connection is gone or takes no more for now. `from`: whose the bytes are, who may write other ones there. */
  private write(connection: Connection, bytes: Buffer, from?: Conversation): boolean {
    const { socket, handle } = connection;
    if (socket.destroyed) return false;
    const written = this.io.write(handle, bytes, connection.onWritten);
    if (written === true) return true;
    if (written !== false) {
      socket.destroy();
      return false;
    }
    // The peer reads slower than it asks: its next requests wait in its own machine.
    connection.writing += 1;
    stopReading(handle);
    if (bytes.buffer === this.batch.buffer) this.batch = Buffer.allocUnsafeSlow(batchBytesMax);
    else from?.surrender();
    return false;
  }

  written(connection: Connection, status: number): void {
    const { socket } = connection;
    connection.writing -= 1;
    if (status !== 0) socket.destroy();
    if (socket.destroyed) return;
    connection.tick = this.tick;
    if (connection.writing === 0 && !connection.waits) this.goOn(connection);
  }

  /** What was asked is answered: on with what was read since. */
  private goOn(connection: Connection): void {
    const { socket, handle, kept } = connection;
    if (kept !== undefined && kept.end >= connection.needs) this.serve(connection, kept);
    if (connection.writing > 0 || socket.destroyed) return;
    // It waits again, and there is enough to go on with: else each answer would let in another read.
    if (connection.waits && (connection.kept?.end ?? 0) >= aheadBytesMax) return;
    if (this.isClosing && !connection.waits && this.connections.has(connection)) {
      // What still comes would be taken in by nobody who can answer.
      stopReading(handle);
      socket.destroySoon();
    } else if (!handle.reading) {
      handle.reading = true;
      handle.readStart();
    }
  }

  /** Gives the connection to the server, and what was read of it first. */
  private handOver(connection: Connection, unread: Buffer): void {
    const { socket, handle } = connection;
    this.connections.delete(connection);
    handle.onread = connection.onread;
    socket.off('end', connection.onEnd).off('close', connection.onClose).off('error', ignored);
    if (unread.length > 0) socket.unshift(Buffer.from(unread));
    // The socket refers to the connection for as long as it lives.
    connection.kept = undefined;
    connection.conversations.length = 0;
    this.give(socket);
  }

  /** No more will come. Half a request is an error that the server answers; else the connection ends, as the server would end it, whatever is on its way. */
  finish(connection: Connection): void {
    const { socket, kept } = connection;
    connection.isEnded = true;
    if (kept === undefined || connection.waits) {
      socket.end();
      return;
    }
    this.connections.delete(connection);
    // The stream has said its end already, so that nothing can be put into it any more; the handle has not.
    const successor = this.takeOver(socket);
    successor.push(kept.bytes.subarray(0, kept.end));
    successor.push(null);
    this.give(successor);
  }

  forget(connection: Connection): void {
    this.connections.delete(connection);
  }

  private closeIdle(): void {
    this.isClosing = true;
    for (const connection of this.connections) {
      if (connection.writing > 0 || connection.waits) continue;
      if (connection.kept === undefined) connection.socket.destroy();
      else this.handOverKept(connection);
    }
  }

  private sweep(): void {
    this.tick += 1;
    for (const connection of this.connections) {
      const { kept, socket } = connection;
      if (connection.writing > 0 || connection.waits) continue;
      const silent = this.tick - connection.tick;
      if (kept !== undefined) {
        if (this.tick - connection.keptTick >= keptTicksMax) this.handOverKept(connection);
      } else if (!connection.answered) {
        if (silent >= silentTicksMax) this.handOver(connection, Buffer.alloc(0));
      } else if (this.server.keepAliveTimeout > 0 && silent * tickMs > this.server.keepAliveTimeout) socket.destroy();
    }
  }

  private handOverKept(connection: Connection): void {
    const { kept } = connection;
    this.handOver(connection, kept === undefined ? Buffer.alloc(0) : kept.bytes.subarray(0, kept.end));
  }
}

/** One that was taken, until it is given away or gone. */
class Connection implements Reply {
  readonly conversations: Conversation[] = [];
  readonly onEnd = () => this.owner.finish(this);
  readonly onClose = () => this.owner.forget(this);
  readonly onWritten = (status: number) => this.owner.written(this, status);
  /** How the socket itself takes what was read. */
  readonly onread: Handle['onread'];
  /** The beginning of a request, or what was read while an answer could not be given. */
  kept: ReadBytes | undefined;
  /** So many bytes of it are needed; 0: unknown. */
  needs = 0;
  /** When that request began to be waited for, however it trickles in since; -1 when nothing was. */
  keptTick = -1;
  answered = false;
  /** The answer to what was read last is not there yet; nothing is asked meanwhile. */
  waits = false;
  /** Answers that are still being written; nothing is read meanwhile. */
  writing = 0;
  /** The peer has said its end. */
  isEnded = false;

  constructor(
    private readonly owner: PlainConnections,
    readonly socket: Socket,
    readonly handle: Handle,
    /** Of the last read. */
    public tick: number,
  ) {
    this.onread = handle.onread;
  }

  get isLast(): boolean {
    return this.owner.closes;
  }

  give(response: Buffer): void {
    this.owner.answered(this, response);
  }
}

function stopReading(handle: Handle): void {
  handle.reading = false;
  handle.readStop();
}

/** What is there from `from` on, with room for a request of `needs` bytes. */
function copied({ bytes, end }: ReadBytes, from: number, needs: number): ReadBytes {
  const copy = readBytes(Math.max(end - from, needs));
  bytes.copy(copy.bytes, 0, from, end);
  copy.end = end - from;
  return copy;
}

function appended(kept: ReadBytes, read: Buffer, length: number): ReadBytes {
  const end = kept.end + length;
  // One byte of its memory is for the zero.
  const whole = end < kept.bytes.length ? kept : copied(kept, 0, end);
  read.copy(whole.bytes, kept.end, 0, length);
  whole.end = end;
  return whole;
}
