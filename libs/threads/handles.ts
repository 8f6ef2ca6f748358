/** What is used of Node's insides to move a connection from one thread to another: a pipe that carries handles, as `child_process` has it between processes. */

/** A connection, or what listens, as `net` has it beneath its objects. */
export interface Handle {
  close(done?: () => void): void;
}

export interface ListeningHandle extends Handle {
  onconnection(this: ListeningHandle, error: number | undefined, connection: Handle | undefined): void;
}

/** A pipe between two threads of this process that can carry handles. */
export interface Carrier {
  /** False when the other end takes nothing. `done`: this copy can be closed; the other end has its own, or will never have one. */
  carry(connection: Handle, done: (isSent: boolean) => void): boolean;
  /** Behind all that was carried; false when nobody is there any more. */
  end(): boolean;
}

interface PipeHandle extends Handle {
  readonly fd: number;
  pendingHandle: Handle | null | undefined;
  onread: (read: ArrayBuffer | undefined) => void;
  open(fd: number): number;
  connect(request: object, path: string): number;
  readStart(): number;
  unref(): void;
  writeUtf8String(request: object, text: string, handle?: Handle): number;
}

interface Binding {
  readonly Pipe: new (kind: number) => PipeHandle;
  readonly ipc: number;
  readonly PipeConnectWrap: new () => { oncomplete?: (status: number) => void };
  readonly WriteWrap: new () => { oncomplete?: (status: number) => void; handle?: Handle };
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

/** One byte per message: a connection has come, or should have. Any other is the end. */
const connectionSign = 'c';

/** Whether connections can be moved between threads here: on Linux, and while Node has what is used of it. */
export function canMoveConnections(): boolean {
  return process.platform === 'linux' && binding() !== undefined;
}

/** The sending end, of a socket that was accepted and never read. The socket's own handle stays open beside this one, for as long as the process runs. */
export function carrierOn(socket: object): Carrier {
  const { Pipe, ipc, WriteWrap, streamBaseState, kLastWriteWasAsync } = known();
  const { _handle: accepted } = socket as { _handle: PipeHandle };
  const pipe = new Pipe(ipc);
  const error = pipe.open(accepted.fd);
  if (error !== 0) throw new Error(`a pipe to another thread cannot be opened: error ${error}`);
  accepted.unref();
  pipe.unref();
  const write = (text: string, handle?: Handle, done: (isSent: boolean) => void = () => undefined): boolean => {
    const request = new WriteWrap();
    request.oncomplete = (status) => done(status === 0);
    // What is being sent must not be collected before it is.
    if (handle !== undefined) request.handle = handle;
    const failed = pipe.writeUtf8String(request, text, handle) !== 0;
    if (!failed && streamBaseState[kLastWriteWasAsync] === 0) done(true);
    return !failed;
  };
  return { carry: (connection, done) => write(connectionSign, connection, done), end: () => write('e') };
}

/** What the receiving end is told. */
export interface Receiver {
  take(connection: Handle): void;
  /** A connection came for which the process had no descriptor left; the system has closed it. */
  lost(): void;
  /** Behind the last. */
  ended(): void;
}

/** The receiving end: connects, then tells of each connection. */
export async function carriedTo(path: string, { take, lost, ended }: Receiver): Promise<void> {
  const { Pipe, ipc, PipeConnectWrap, streamBaseState, kReadBytesOrError } = known();
  const pipe = new Pipe(ipc);
  const status = await new Promise<number>((resolve) => {
    const request = new PipeConnectWrap();
    request.oncomplete = resolve;
    const error = pipe.connect(request, path);
    if (error !== 0) resolve(error);
  });
  if (status !== 0) throw new Error(`the pipe of the first thread cannot be reached: error ${status}`);
  pipe.onread = (read) => {
    const bytes = streamBaseState[kReadBytesOrError] ?? 0;
    const { pendingHandle } = pipe;
    pipe.pendingHandle = null;
    if (pendingHandle) take(pendingHandle);
    else if (bytes > 0 && read !== undefined && new Uint8Array(read)[0] === connectionSign.charCodeAt(0)) lost();
    else if (bytes !== 0) {
      pipe.close();
      ended();
    }
  };
  pipe.readStart();
}

function known(): Binding {
  const found = binding();
  if (found === undefined) throw new Error(`Node ${process.version} has other pipes than those that are known here`);
  return found;
}

function binding(): Binding | undefined {
  try {
    // What `net` and `child_process` get by `internalBinding`; `process.binding` gives it to everybody, for as long as Node has it.
    const { binding: get } = process as unknown as { binding?: (name: string) => Record<string, unknown> };
    const pipes = get?.('pipe_wrap');
    const streams = get?.('stream_wrap');
    const ipc = (pipes?.['constants'] as { IPC?: unknown } | undefined)?.IPC;
    const isKnown =
      typeof pipes?.['Pipe'] === 'function' &&
      typeof pipes['PipeConnectWrap'] === 'function' &&
      typeof ipc === 'number' &&
      typeof streams?.['WriteWrap'] === 'function' &&
      ArrayBuffer.isView(streams['streamBaseState']) &&
      typeof streams['kReadBytesOrError'] === 'number' &&
      typeof streams['kLastWriteWasAsync'] === 'number';
    return isKnown ? ({ ...pipes, ...streams, ipc } as unknown as Binding) : undefined;
  } catch {
    // Gone from this Node, or forbidden by its permissions: `canMoveConnections` says so.
    return undefined;
  }
}
