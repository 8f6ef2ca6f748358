import type { SpooledFact, WrittenFact } from './facts.js';

/**
 * Makes facts of the bytes that a form's writer has put down, in their order. The bytes are whole: their check sum was right, and they stay as they are. Facts
 * are asked for one by one, with requests answered in between.
 */
export type Unpack = (bytes: Buffer) => Iterable<SpooledFact | WrittenFact>;

/**
 * Facts as bytes of a form of their own, written straight into the buffer that goes to the disk: an answer costs 0.1 µs so, where an object that becomes
 * JSON costs 5. They are made into JSON by whoever forwards them. What a crash may cost is as for `offer`.
 *
 * A writer reserves, writes at `end` and commits, all at once. Bytes that several facts refer to are written before them, anew in each `batch`.
 */
export interface PackedFacts {
  readonly bytes: Buffer;
  /** Over the same memory. */
  readonly view: DataView;
  /** Where the next bytes go. */
  readonly end: number;
  /** Another number as soon as the bytes go into another buffer. */
  readonly batch: number;
  /** Room for so many bytes, and eight more, at `end`. False when all buffers wait for the disk: the fact is dropped, and counted. */
  reserve(length: number): boolean;
  /** What stands up to `end` is part of the batch, with so many facts more. */
  commit(end: number, facts: number): void;
}

export interface PackedTo {
  /** Puts them on the disk, all or none; the bytes stay as they are until then. */
  put(packed: Buffer, facts: number): Promise<unknown>;
  /** The disk did not take it; it stays in memory for the next try. Told once until it takes some again. */
  unwritable(cause: unknown): void;
}

/** Some 2,000 answers. */
const bufferBytes = 256 * 1024;
/** 8 MiB: what 130,000 answers a second write in half a second. */
const buffersMax = 32;
const slackBytes = 8;

interface Page {
  readonly bytes: Buffer;
  readonly view: DataView;
  end: number;
  facts: number;
}

/** The buffers of one form: one is written, others wait for the disk, the rest is free. */
export class PackedQueue implements PackedFacts {
  batch = 0;
  /** Facts that found no room. */
  dropped = 0;
  private page: Page;
  private readonly full: Page[] = [];
  private readonly free: Page[] = [];
  private made = 1;
  private waiting = 0;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<boolean> | undefined;
  private closed = false;
  private toldUnwritable = false;

  constructor(
    private readonly intervalMs: number,
    private readonly to: PackedTo,
  ) {
    this.page = this.newPage();
  }

  get bytes(): Buffer {
    return this.page.bytes;
  }

  get view(): DataView {
    return this.page.view;
  }

  get end(): number {
    return this.page.end;
  }

  /** Facts that are not on the disk yet. */
  get size(): number {
    return this.waiting + this.page.facts;
  }

  reserve(length: number): boolean {
    if (this.page.end + length + slackBytes <= bufferBytes && !this.closed) return true;
    if (!this.closed && length + slackBytes <= bufferBytes && this.turn()) return true;
    this.dropped++;
    return false;
  }

  commit(end: number, facts: number): void {
    this.page.end = end;
    this.page.facts += facts;
    this.timer ??= setTimeout(() => void this.flush(), this.intervalMs);
  }

  /** True when all that was committed before is on the disk; false when the disk did not take it. */
  async flush(): Promise<boolean> {
    clearTimeout(this.timer);
    this.timer = undefined;
    // Where all others are full, this one's turn comes when the disk has taken some.
    const turned = this.page.facts === 0 || this.turn() || ((await this.write()) && this.turn());
    const taken = turned && (await this.write());
    if (!taken && !this.closed) this.timer ??= setTimeout(() => void this.flush(), this.intervalMs);
    return taken;
  }

  async close(): Promise<void> {
    await this.flush();
    this.closed = true;
    clearTimeout(this.timer);
    this.dropped += this.size;
  }

  /** Goes on in another buffer, and leaves this one to the disk; false when there is none. */
  private turn(): boolean {
    const next = this.free.pop() ?? (this.made < buffersMax ? this.newPage() : undefined);
    if (next === undefined) return false;
    if (this.page.facts > 0) {
      this.waiting += this.page.facts;
      this.full.push(this.page);
      // At the next turn of the event loop, together with what comes until then.
      this.timer ??= setTimeout(() => void this.flush(), this.intervalMs);
      if (this.full.length >= buffersMax / 4) void this.write();
    } else this.free.push(this.page);
    this.page = next;
    this.batch += 1;
    return true;
  }

  private newPage(): Page {
    const bytes = Buffer.allocUnsafeSlow(bufferBytes);
    if (this.page !== undefined) this.made += 1;
    return { bytes, view: new DataView(bytes.buffer), end: 0, facts: 0 };
  }

  private write(): Promise<boolean> {
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  /** All at once: they share a wait for the disk. */
  private async writeAll(): Promise<boolean> {
    while (this.full.length > 0) {
      const pages = this.full.slice();
      const written = await Promise.allSettled(pages.map(({ bytes, end, facts }) => this.to.put(bytes.subarray(0, end), facts)));
      let failed: PromiseRejectedResult | undefined;
      for (const [index, page] of pages.entries()) {
        const outcome = written[index]!;
        if (outcome.status === 'rejected') {
          failed ??= outcome;
          continue;
        }
        // Also behind one that was refused: a smaller one finds room where a full one does not, and would be there twice with the next try.
        this.full.splice(this.full.indexOf(page), 1);
        this.waiting -= page.facts;
        page.end = 0;
        page.facts = 0;
        this.free.push(page);
      }
      if (failed !== undefined) {
        if (!this.toldUnwritable) this.to.unwritable(failed.reason);
        this.toldUnwritable = true;
        return false;
      }
      this.toldUnwritable = false;
    }
    return true;
  }
}
