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
      first.bytes.copy(out, length, first.at, first.at + rowBytes);
      length += rowBytes;
      first.at += rowBytes;
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

  isBefore(other: Source): boolean {
    const [high, others] = [this.bytes.readUInt32LE(this.at + 4), other.bytes.readUInt32LE(other.at + 4)];
    return high === others ? this.bytes.readUInt32LE(this.at) < other.bytes.readUInt32LE(other.at) : high < others;
  }
}
