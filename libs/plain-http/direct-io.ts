import type { Socket } from 'node:net';

/** As Node's own `net` reads and writes: straight from and to the socket's handle, without the stream in between. */
export interface DirectIo {
  /** Within a call of a handle's `onread`: how many bytes were read; below 0 at the end and for an error. */
  read(): number;
  /**
   * Writes all of it, or as much as the socket takes now. `true`: written; `false`: the rest is on its way, `bytes` must stay as they are until `done`
   * is called; an error number: nothing more can be written.
   */
  write(handle: Handle, bytes: Buffer, done: (status: number) => void): boolean | number;
}

/** What is used of the handle beneath a socket. */
export interface Handle {
  reading: boolean;
  onread: (this: Handle, buffer: unknown) => unknown;
  writeBuffer(request: object, bytes: Buffer): number;
  readStart(): number;
  readStop(): number;
}

interface StreamBinding {
  readonly WriteWrap: new () => { oncomplete?: (status: number) => void; buffer?: Buffer };
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
  readonly kReadBytesOrError: number;
}

/** Undefined when this Node has none of it, or another form of it: then the plain path serves. */
export function directIo(): DirectIo | undefined {
  const binding = streamBinding();
  if (binding === undefined) return undefined;
  const { WriteWrap, streamBaseState, kLastWriteWasAsync, kReadBytesOrError } = binding;
  // A request of a write that was done at once was never begun: it serves again. `socket.write` makes one for each, and costs 0.5 µs more.
  let request = new WriteWrap();
  return {
    read: () => streamBaseState[kReadBytesOrError] ?? 0,
    write(handle, bytes, done) {
      const error = handle.writeBuffer(request, bytes);
      if (error !== 0) return error;
      if (streamBaseState[kLastWriteWasAsync] === 0) return true;
      request.oncomplete = done;
      // The handle knows the address of the bytes only: without this they would be collected while they are being sent.
      request.buffer = bytes;
      request = new WriteWrap();
      return false;
    },
  };
}

/** The handle beneath a socket, when it has what is used of it. */
export function handleOf(socket: Socket): Handle | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Partial<Handle> | null };
  if (handle === null || handle === undefined) return undefined;
  const isWhole =
    typeof handle.onread === 'function' &&
    typeof handle.writeBuffer === 'function' &&
    typeof handle.readStart === 'function' &&
    typeof handle.readStop === 'function';
  return isWhole ? (handle as Handle) : undefined;
}

/** What `net` itself gets by `internalBinding('stream_wrap')`; `process.binding` gives it to everybody, for as long as Node has it. */
function streamBinding(): StreamBinding | undefined {
  try {
    const { binding } = process as unknown as { binding?: (name: string) => Partial<StreamBinding> };
    const found = binding?.('stream_wrap');
    const isKnown =
      typeof found?.WriteWrap === 'function' &&
      ArrayBuffer.isView(found.streamBaseState) &&
      typeof found.kLastWriteWasAsync === 'number' &&
      typeof found.kReadBytesOrError === 'number';
    return isKnown ? (found as StreamBinding) : undefined;
  } catch {
    // Gone from this Node, or forbidden by its permissions: told by the caller, once.
    return undefined;
  }
}
