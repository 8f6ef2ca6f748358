import xxhash from 'xxhash-wasm';
import { atOnce, type Interruptible } from './slices.js';
import { xxhash64Module } from './xxhash64/xxhash64-module.js';

const { h64, create64 } = await xxhash();

/** Bytes given to WebAssembly at once: its memory grows to the largest piece ever given and never shrinks. Some 100 µs. */
const pieceBytes = 256 * 1024;

/** How a customer's id becomes the number by which audiences know the customer. */
export type CustomerHash = (customerId: string) => bigint;

/** Unsigned 64-bit xxHash64 (seed 0) of the id's UTF-8: what ClickHouse's `xxHash64(customer_id)` gives. */
export const customerHash: CustomerHash = (customerId) => h64(customerId);

/** Node has it; TypeScript says it with the browser's types only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const own = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(xxhash64Module, 'base64'))).exports as {
  readonly memory: { readonly buffer: ArrayBuffer };
  hash(length: number): void;
};
/** Where the module takes the bytes. */
const inputAt = 8;
const input = new Uint8Array(own.memory.buffer, inputAt);
/** A text of so many UTF-16 code units fits, whatever they are. */
const unitsMax = Math.floor(input.length / 3);
const encoder = new TextEncoder();

/** The low and the high half of the hash that `hashId` computed last, as signed 32-bit numbers: small integers to V8, which it keeps without an object. */
export const idHash = new Int32Array(own.memory.buffer, 0, 2);
const wide = new BigUint64Array(own.memory.buffer, 0, 1);

/** As `customerHash`, left in `idHash`: a query makes neither a bigint nor an encoder's result (60 ns in place of 90 for an id of 36 characters). */
export function hashId(customerId: string): void {
  const { length } = customerId;
  if (length > unitsMax) {
    wide[0] = h64(customerId);
    return;
  }
  for (let at = 0; at < length; at += 1) {
    const unit = customerId.charCodeAt(at);
    if (unit > 127) {
      own.hash(encoder.encodeInto(customerId, input).written);
      return;
    }
    input[at] = unit;
  }
  own.hash(length);
}

/** As `hashId`, of the id's UTF-8 that stands in `bytes` from `begin` to `end` (exclusive), such as a request that was read: at most 65,528 bytes. */
export function hashIdBytes(bytes: Uint8Array, begin: number, end: number): void {
  for (let at = begin; at < end; at += 1) input[at - begin] = bytes[at]!;
  own.hash(end - begin);
}

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
