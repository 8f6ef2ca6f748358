/** Spare memory is kept up to here in any case, and up to the largest buffer in use. */
const spareBytesMin = 16 * 1024 * 1024;

/**
 * Memory that images take turns in. Nobody counts what a SharedArrayBuffer takes towards a garbage collection, so one that is dropped may stay for
 * long: what an image leaves is given to the next. A client's image then moves between two buffers, and many clients share one spare.
 */
export class ImageBuffers {
  /** The least recently given back first. */
  private spare: SharedArrayBuffer[] = [];
  private readonly used = new Set<SharedArrayBuffer>();

  /** @param dropped Told of memory that no image will get any more. */
  constructor(private readonly dropped: (buffer: SharedArrayBuffer) => void = () => undefined) {}

  /** At least so many bytes, of whatever content. */
  take(bytes: number): SharedArrayBuffer {
    let fitting: SharedArrayBuffer | undefined;
    for (const one of this.spare) {
      if (one.byteLength < bytes || one.byteLength > roomy(bytes)) continue;
      if (fitting === undefined || one.byteLength < fitting.byteLength) fitting = one;
    }
    const taken = fitting ?? new SharedArrayBuffer(rounded(bytes));
    this.spare = this.spare.filter((one) => one !== taken);
    this.used.add(taken);
    // An image that has grown leaves its smaller buffers behind: the next collection of garbage takes them.
    if (fitting === undefined) this.drop(this.spareMax - taken.byteLength, (one) => one.byteLength < taken.byteLength);
    return taken;
  }

  giveBack(buffer: SharedArrayBuffer): void {
    if (!this.used.delete(buffer)) throw new Error('the buffer is not in use');
    this.spare.push(buffer);
    this.drop(this.spareMax, (one) => one !== buffer);
  }

  /** Until no more than so many bytes are spare, or none that may go is left. */
  private drop(bytesMax: number, mayGo: (one: SharedArrayBuffer) => boolean): void {
    while (this.spareBytes > bytesMax) {
      const oldest = this.spare.find(mayGo);
      if (oldest === undefined) return;
      this.spare = this.spare.filter((one) => one !== oldest);
      this.dropped(oldest);
    }
  }

  private get spareMax(): number {
    return Math.max(spareBytesMin, ...Array.from(this.used, ({ byteLength }) => byteLength));
  }

  get spareBytes(): number {
    return this.spare.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  get usedBytes(): number {
    return [...this.used].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}

/** A buffer this large may hold so small an image: what it does not use is lost while it does. */
function roomy(bytes: number): number {
  return Math.max(bytes * 1.25, 64 * 1024);
}

/** The next of eight steps between powers of two, so that an image that grows a little fits again; the operating system gives pages when they are written. */
function rounded(bytes: number): number {
  const step = 2 ** Math.max(12, Math.ceil(Math.log2(Math.max(1, bytes))) - 4);
  return Math.max(step, Math.ceil(bytes / step) * step);
}
