import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { audienceBytesMax } from '../audience/format.js';
import { SnapshotCorrupt, SnapshotMissing, SnapshotsUnavailable } from '../errors.js';
import type { Announcement, ImagePlace } from '../publication.js';
import { ImageBuffers } from './image-buffers.js';
import type { ThreadAnswer, ThreadMessage, ThreadWork } from './loading-thread.js';

/** A thread that ended is started again, but not sooner than so long after its last start. */
const restartMs = 1_000;
/** The thread's own objects take a few MB; images are outside of its heap. */
const threadLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

/** A verified image in memory that other threads can be given. It stays as it is until the last who keeps it has released it. */
export interface SharedImage {
  readonly bytes: Uint8Array;
  retain(): void;
  /** Once per `audience` or `retain`. The memory goes to another image when nobody keeps it: whoever still reads it reads that one. */
  release(): void;
  /** Into a new file, on the disk when this resolves, by the loading thread. @throws SnapshotsUnavailable. */
  writeTo(path: string): Promise<void>;
}

/** Reads and verifies images in a thread of low priority, one after the other, so that requests do not notice. */
export interface ImageLoading {
  /**
   * A verified audience image; one that somebody keeps already is given once more, not read again. `urgent`: no requests to be considerate of yet; from the first that is not, the thread has the lowest priority.
   * @throws SnapshotMissing, SnapshotCorrupt, SnapshotsUnavailable (also when the thread ended; it is started again).
   */
  audience(place: ImagePlace, of: Pick<Announcement, 'sha256' | 'bytes'>, urgent?: boolean): Promise<SharedImage>;
  /** Memory in use and kept for the next. */
  readonly memory: { readonly usedBytes: number; readonly spareBytes: number };
  /** Whoever waits is refused with SnapshotsUnavailable. */
  close(): Promise<void>;
}

/** @param program Of the thread; its own unless a test gives another. */
export function openImageLoading(program = ownProgram()): ImageLoading {
  return new ThreadLoading(program);
}

/** Beside this file; where this is TypeScript, as tests run it, the compiled one. */
function ownProgram(): string {
  const here = fileURLToPath(import.meta.url);
  const compiled = here.endsWith('.ts') ? here.replace(/\/libs\/snapshots\/loading\/[^/]+\.ts$/, '/dist$&').replace(/\.ts$/, '.js') : here;
  return compiled.replace('image-loading.js', 'loading-thread.js');
}

/** An image in memory, by its name. */
interface Held {
  readonly sha256: string;
  readonly buffer: SharedArrayBuffer;
  readonly bytes: number;
  keepers: number;
}

class ThreadLoading implements ImageLoading {
  private readonly buffers = new ImageBuffers((dropped) => this.forget(dropped));
  /** The memory that the running thread has, by the number that it knows it by. */
  private readonly named = new Map<SharedArrayBuffer, number>();
  private names = 0;
  private readonly held = new Map<string, Held>();
  private thread: Worker | undefined;
  private startedAt = Number.NEGATIVE_INFINITY;
  private turn: Promise<unknown> = Promise.resolve();
  private waiting: { resolve(answer: ThreadAnswer): void; reject(error: Error): void } | undefined;
  private readonly closing = new AbortController();

  constructor(private readonly program: string) {}

  get memory() {
    return { usedBytes: this.buffers.usedBytes, spareBytes: this.buffers.spareBytes };
  }

  audience(place: ImagePlace, { sha256, bytes }: Pick<Announcement, 'sha256' | 'bytes'>, urgent = false): Promise<SharedImage> {
    return this.inTurn(async () => {
      const known = this.held.get(sha256);
      if (known !== undefined && known.bytes === bytes) return this.shared(known);
      if (bytes > audienceBytesMax) throw new SnapshotCorrupt(`an image of ${bytes} bytes is announced`);
      // Taken when it is this image's turn: many that wait hold no memory.
      const buffer = this.buffers.take(bytes);
      try {
        await this.ask(buffer, { do: 'load', place, sha256, bytes, urgent });
      } catch (error) {
        this.buffers.giveBack(buffer);
        throw error;
      }
      const held: Held = { sha256, buffer, bytes, keepers: 0 };
      this.held.set(sha256, held);
      return this.shared(held);
    });
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.waiting?.reject(closed());
    await this.thread?.terminate();
    await this.turn.catch(() => undefined);
  }

  /** One more who keeps it. */
  private shared(image: Held): SharedImage {
    const { buffer, bytes } = image;
    image.keepers += 1;
    let mine = 1;
    const stillMine = () => {
      if (mine === 0) throw new Error('the image was released');
    };
    return {
      bytes: new Uint8Array(buffer, 0, bytes),
      retain() {
        stillMine();
        mine += 1;
        image.keepers += 1;
      },
      release: () => {
        stillMine();
        mine -= 1;
        image.keepers -= 1;
        if (image.keepers > 0) return;
        this.held.delete(image.sha256);
        this.buffers.giveBack(buffer);
      },
      writeTo: (path) => {
        stillMine();
        return this.inTurn(() => this.ask(buffer, { do: 'write', path, bytes }));
      },
    };
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  /** @throws what the thread refuses. */
  private async ask(memory: SharedArrayBuffer, work: ThreadWork): Promise<void> {
    const thread = await this.running();
    thread.ref();
    try {
      const answer = await new Promise<ThreadAnswer>((resolve, reject) => {
        this.waiting = { resolve, reject };
        thread.postMessage({ ...work, ...this.nameOf(memory) } satisfies ThreadMessage);
      });
      if (answer !== null) throw refusal(answer);
    } finally {
      this.waiting = undefined;
      // A process that has nothing else to do may end.
      thread.unref();
    }
  }

  /** Given once: each time would leave the thread one more object that keeps the memory, to be collected as garbage. */
  private nameOf(memory: SharedArrayBuffer): { buffer: number; memory?: SharedArrayBuffer } {
    const known = this.named.get(memory);
    if (known !== undefined) return { buffer: known };
    this.names += 1;
    this.named.set(memory, this.names);
    return { buffer: this.names, memory };
  }

  private forget(memory: SharedArrayBuffer): void {
    const buffer = this.named.get(memory);
    if (buffer === undefined) return;
    this.named.delete(memory);
    this.thread?.postMessage({ do: 'forget', buffer } satisfies ThreadMessage);
  }

  private async running(): Promise<Worker> {
    if (this.closing.signal.aborted) throw closed();
    if (this.thread !== undefined) return this.thread;
    await this.pause(this.startedAt + restartMs - performance.now());
    if (this.closing.signal.aborted) throw closed();
    this.startedAt = performance.now();
    const thread = new Worker(this.program, { execArgv: [], resourceLimits: threadLimits });
    this.thread = thread;
    let cause: unknown;
    thread.on('message', (answer: ThreadAnswer) => this.waiting?.resolve(answer));
    thread.on('error', (error) => {
      cause = error;
    });
    // After this nothing of the thread writes into the memory that it was given.
    thread.on('exit', (code) => {
      this.thread = undefined;
      this.named.clear();
      const why = cause instanceof Error ? cause.message : `exit code ${code}`;
      this.waiting?.reject(new SnapshotsUnavailable(`the loading thread ended: ${why}`, { cause }));
    });
    return thread;
  }

  private async pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    const { signal } = this.closing;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** An error that a thread refused with, as another sees it. */
export function refusal({ code, message }: Exclude<ThreadAnswer, null>): Error {
  switch (code) {
    case 'SNAPSHOT_CORRUPT':
      return new SnapshotCorrupt(message);
    case 'SNAPSHOT_MISSING':
      return new SnapshotMissing(message);
    default:
      return new SnapshotsUnavailable(message);
  }
}

export function refusalCode(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

const closed = () => new SnapshotsUnavailable('the loading of images was closed');
