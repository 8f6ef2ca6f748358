import type { Server } from 'node:http';
import { Socket } from 'node:net';
import { type ReadBytes, readBytes } from './bytes.js';
import { type DirectIo, type Handle, handleOf } from './direct-io.js';
import type { FastAnswers } from './fast-answers.js';
import { type Head, incomplete } from './heads.js';

// A connection that breaks is closed by the stream itself; there is nobody to tell.
const ignored = (): void => undefined;

/** One read takes at most so many bytes, as Node's own do. */
const readBytesMax = 65_536;
/** Responses to requests of one read are put together up to so many bytes. */
const batchBytesMax = 65_536;
/** A request that is not there whole is waited for up to so many bytes, and for one to two ticks; then Node's parser gets it, with its own limits. */
const keptBytesMax = 16_384;
const tickMs = 1_000;
const keptTicksMax = 2;
/** A connection that says nothing is Node's after so many ticks. */
const silentTicksMax = 5;

interface Connection {
  readonly socket: Socket;
  readonly handle: Handle;
  readonly onEnd: () => void;
  readonly onClose: () => void;
  readonly onWritten: (status: number) => void;
  /** How the socket itself takes what was read. */
  readonly onread: Handle['onread'];
  head: Head | undefined;
  /** The beginning of a request, or what was read while an answer could not be written. */
  kept: Buffer | undefined;
  /** When that request began to be waited for, however it trickles in since; -1 when nothing was. */
  keptTick: number;
  /** Of the last read. */
  tick: number;
  answered: boolean;
  /** An answer is still being written; nothing is read meanwhile. */
  blocked: boolean;
}

export interface ConnectionsOptions {
  readonly answers: FastAnswers;
  readonly io: DirectIo;
}

type ConnectionListener = (this: Server, socket: Socket) => void;

/**
 * Stands before an HTTP server: takes every connection, answers what it recognises, and gives a connection to the server, unread bytes included, with
 * the first request that it does not recognise. From then on the connection is the server's as if it had always been. When the server is to
 * close, idle connections end at once and requests under way go to the server.
 */
export class FastConnections {
  /** Connections given to the server. */
  handedOver = 0;
  private readonly connections = new Set<Connection>();
  private readonly input = readBytes(readBytesMax);
  private readonly readInto = this.input.bytes.subarray(0, readBytesMax);
  private batch = Buffer.allocUnsafeSlow(batchBytesMax);
  private batchLength = 0;
  private listeners: readonly ConnectionListener[] = [];
  private tick = 0;
  private timer: NodeJS.Timeout | undefined;
  private isClosing = false;

  constructor(
    private readonly server: Server,
    private readonly options: ConnectionsOptions,
  ) {}

  /** Call before the server listens. */
  attach(): void {
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

  private accept(accepted: Socket): void {
    const handle = handleOf(accepted);
    if (this.isClosing || handle === undefined) {
      this.give(accepted);
      return;
    }
    const socket: Socket = this.takeOver(accepted, (length) => socket.push(Buffer.from(this.readInto.subarray(0, length))));
    const connection: Connection = {
      socket,
      handle,
      onEnd: () => this.finish(connection),
      onClose: () => this.connections.delete(connection),
      onWritten: (status) => this.written(connection, status),
      onread: handle.onread,
      head: undefined,
      kept: undefined,
      keptTick: -1,
      tick: this.tick,
      answered: false,
      blocked: false,
    };
    // Past the socket, which would look at a dozen of its own fields first; it takes the end and errors, and all once the connection is given away.
    const { io } = this.options;
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
    let { input } = this;
    const { kept } = connection;
    if (kept === undefined) {
      input.end = length;
      connection.keptTick = -1;
    } else {
      input = readBytes(kept.length + length);
      input.end = kept.length + length;
      kept.copy(input.bytes);
      this.readInto.copy(input.bytes, kept.length, 0, length);
      connection.kept = undefined;
    }
    this.serve(connection, input);
  }

  /** Answers request after request; keeps or gives away what is left. */
  private serve(connection: Connection, input: ReadBytes): void {
    const { answers } = this.options;
    const { end } = input;
    input.bytes[end] = 0;
    let at = 0;
    while (at < end) {
      const next = this.isClosing ? at - 1 : answers.read(input, at, connection.head);
      if (next < at) {
        if (!this.flush(connection)) this.keep(connection, input, at);
        else if (next === incomplete && end - at <= keptBytesMax && !this.isClosing) this.keep(connection, input, at);
        else this.handOver(connection, input.bytes.subarray(at, end));
        return;
      }
      connection.head = answers.head;
      connection.answered = true;
      at = next;
      // Mostly the only request of the read: its response goes out as it is.
      const wrote =
        at === end && this.batchLength === 0 ? this.write(connection, answers.response) : this.add(connection, answers.response);
      if (wrote) continue;
      if (at < end) this.keep(connection, input, at);
      return;
    }
    if (this.batchLength > 0) this.flush(connection);
  }

  private keep(connection: Connection, { bytes, end }: ReadBytes, from: number): void {
    connection.kept = Buffer.from(bytes.subarray(from, end));
    if (from > 0 || connection.keptTick < 0) connection.keptTick = this.tick;
  }

  /** Puts the response behind those of the same read. False when the connection takes no more for now. */
  private add(connection: Connection, response: Buffer): boolean {
    if (this.batchLength + response.length > batchBytesMax && !this.flush(connection)) {
      // The response was made and has its place behind those that are being written.
      connection.socket.write(Buffer.from(response));
      return false;
    }
    if (response.length > batchBytesMax) return this.write(connection, response);
    response.copy(this.batch, this.batchLength);
    this.batchLength += response.length;
    return true;
  }

  private flush(connection: Connection): boolean {
    if (this.batchLength === 0) return !connection.blocked;
    const responses = this.batch.subarray(0, this.batchLength);
    this.batchLength = 0;
    return this.write(connection, responses);
  }

  /** False when the connection is gone or takes no more for now. */
  private write(connection: Connection, bytes: Buffer): boolean {
    const { socket, handle } = connection;
    if (socket.destroyed) return false;
    const written = this.options.io.write(handle, bytes, connection.onWritten);
    if (written === true) return true;
    if (written !== false) {
      socket.destroy();
      return false;
    }
    // The peer reads slower than it asks: its next requests wait in its own machine.
    connection.blocked = true;
    handle.reading = false;
    handle.readStop();
    if (bytes.buffer === this.batch.buffer) this.batch = Buffer.allocUnsafeSlow(batchBytesMax);
    else this.options.answers.surrender();
    return false;
  }

  private written(connection: Connection, status: number): void {
    const { socket, handle, kept } = connection;
    connection.blocked = false;
    if (status !== 0) socket.destroy();
    if (socket.destroyed) return;
    connection.tick = this.tick;
    if (kept !== undefined) {
      connection.kept = undefined;
      const input = readBytes(kept.length);
      input.end = kept.length;
      kept.copy(input.bytes);
      this.serve(connection, input);
    }
    if (connection.blocked || socket.destroyed) return;
    if (this.isClosing && this.connections.has(connection)) socket.destroy();
    else if (!handle.reading) {
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
    this.give(socket);
  }

  /** No more will come. Half a request is an error that the server answers; else the connection ends, as the server would end it. */
  private finish(connection: Connection): void {
    const { socket, kept } = connection;
    if (kept === undefined) {
      socket.end();
      return;
    }
    this.connections.delete(connection);
    // The stream has said its end already, so that nothing can be put into it any more; the handle has not.
    const successor = this.takeOver(socket);
    successor.push(kept);
    successor.push(null);
    this.give(successor);
  }

  private closeIdle(): void {
    this.isClosing = true;
    for (const connection of this.connections) {
      if (connection.blocked) continue;
      if (connection.kept === undefined) connection.socket.destroy();
      else this.handOver(connection, connection.kept);
    }
  }

  private sweep(): void {
    this.tick += 1;
    for (const connection of this.connections) {
      const { kept, blocked, socket } = connection;
      if (blocked) continue;
      const silent = this.tick - connection.tick;
      if (kept !== undefined) {
        if (this.tick - connection.keptTick >= keptTicksMax) this.handOver(connection, kept);
      } else if (!connection.answered) {
        if (silent >= silentTicksMax) this.handOver(connection, Buffer.alloc(0));
      } else if (this.server.keepAliveTimeout > 0 && silent * tickMs > this.server.keepAliveTimeout) socket.destroy();
    }
  }
}
