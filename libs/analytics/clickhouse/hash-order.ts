/** Rows that are written at a time. */
const rowsAtOnce = 4_096;

/**
 * Puts rows together that come in several streams, each in rising order of the unsigned 64-bit number (little-endian) at the beginning of each row.
 * The chunks of a stream may cut rows. When the reader stops, or a stream fails, all streams are ended.
 */
export async function* inHashOrder(
  streams: readonly AsyncGenerator<Uint8Array, void, undefined>[],
  rowBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const [only] = streams;
  if (streams.length === 1 && only !== undefined) return yield* only;
  const sources = streams.map((stream) => new Source(stream, rowBytes));
  try {
    await settled(sources.map((source) => source.fill()));
    let out = Buffer.allocUnsafe(rowsAtOnce * rowBytes);
    let length = 0;
    let left = sources.filter((source) => !source.isEmpty);
    for (let first = left[0]; first !== undefined; first = left[0]) {
      for (const source of left) if (source.isBefore(first)) first = source;
      let second: Source | undefined;
      for (const source of left) if (source !== first && (second === undefined || source.isBefore(second))) second = source;
      const end = first.at + first.run(second, (out.length - length) / rowBytes) * rowBytes;
      first.bytes.copy(out, length, first.at, end);
      length += end - first.at;
      first.at = end;
      if (first.isEmpty) {
        await first.fill();
        left = left.filter((source) => !source.isEmpty);
      }
      if (length === out.length) {
        yield out;
        out = Buffer.allocUnsafe(rowsAtOnce * rowBytes);
        length = 0;
      }
    }
    if (length > 0) yield out.subarray(0, length);
  } finally {
    await Promise.allSettled(streams.map((stream) => stream.return()));
  }
}

/** All have ended before the first failure is thrown. */
async function settled(steps: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(steps)) if (outcome.status === 'rejected') throw outcome.reason;
}

class Source {
  bytes: Buffer = Buffer.alloc(0);
  /** Where the next row begins. */
  at = 0;

  constructor(
    private readonly stream: AsyncGenerator<Uint8Array, void, undefined>,
    private readonly rowBytes: number,
  ) {}

  /** No whole row is here; after `fill`: there are no more. */
  get isEmpty(): boolean {
    return this.at + this.rowBytes > this.bytes.length;
  }

  async fill(): Promise<void> {
    while (this.isEmpty) {
      const { done, value } = await this.stream.next();
      const rest = this.bytes.subarray(this.at);
      if (done === true) {
        if (rest.length > 0) throw new Error('rows end in the middle of one');
        return;
      }
      this.bytes = rest.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.concat([rest, value]);
      this.at = 0;
    }
  }

  /**
   * How many rows, of at most so many, come before the other source's next one: the next one does. Looked for in steps that double, then between the last
   * two by halves, because one stream may have nearly all rows.
   */
  run(other: Source | undefined, rowsMax: number): number {
    const rows = Math.min(rowsMax, Math.floor((this.bytes.length - this.at) / this.rowBytes));
    if (other === undefined) return rows;
    let before = 1;
    let beyond = 2;
    while (beyond <= rows && !other.isBefore(this, beyond - 1)) {
      before = beyond;
      beyond *= 2;
    }
    beyond = Math.min(beyond, rows + 1);
    while (beyond - before > 1) {
      const middle = (before + beyond) >> 1;
      if (other.isBefore(this, middle - 1)) beyond = middle;
      else before = middle;
    }
    return before;
  }

  /** Whether the next row here comes before that row (from the next one on) of the other. */
  isBefore(other: Source, row = 0): boolean {
    const at = other.at + row * other.rowBytes;
    const [high, others] = [this.bytes.readUInt32LE(this.at + 4), other.bytes.readUInt32LE(at + 4)];
    return high === others ? this.bytes.readUInt32LE(this.at) < other.bytes.readUInt32LE(at) : high < others;
  }
}
