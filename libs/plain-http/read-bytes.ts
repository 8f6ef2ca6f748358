/** The bytes of one or more reads with a zero behind them, where every scan stops. */
export interface ReadBytes {
  readonly bytes: Buffer;
  /** Over the same memory: four bytes are compared at once. */
  readonly view: DataView;
  end: number;
}

/** Room for `length` bytes and the zero. */
export function readBytes(length: number): ReadBytes {
  const bytes = Buffer.allocUnsafeSlow(length + 1);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), end: 0 };
}

/** The four characters as `DataView.getInt32(…, true)` reads them. */
export function word(characters: string): number {
  return Buffer.from(characters, 'latin1').readInt32LE();
}
