import xxhash from 'xxhash-wasm';
import { atOnce, type Interruptible } from './slices.js';

const { h64, create64 } = await xxhash();

/** Bytes given to WebAssembly at once: its memory grows to the largest piece ever given and never shrinks. */
const pieceBytes = 1024 * 1024;

/** How a customer's id becomes the number by which audiences know the customer. */
export type CustomerHash = (customerId: string) => bigint;

/** Unsigned 64-bit xxHash64 (seed 0) of the id's UTF-8: what ClickHouse's `xxHash64(customer_id)` gives. */
export const customerHash: CustomerHash = (customerId) => h64(customerId);

/** xxHash64 (seed 0) of the bytes: the check sum of every snapshot format. */
export function checksum(bytes: Uint8Array): bigint {
  return atOnce(checksumming(bytes));
}

/** As `checksum`, interruptible: 55 MB, an audience of ten million, take some 30 ms. */
export function* checksumming(bytes: Uint8Array): Interruptible<bigint> {
  const hash = create64();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    hash.update(bytes.subarray(at, at + pieceBytes));
    yield;
  }
  return hash.digest();
}
