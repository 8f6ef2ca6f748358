/**
 * BLAKE3 in its keyed mode, as https://github.com/BLAKE3-team/BLAKE3-specs has it (section 2), for messages of one chunk. It is here, and not a
 * library's, because click addresses ask it once per answer: 0.1 µs for a message of one block, where HMAC-SHA256 of node:crypto takes 2 µs and the
 * keyed BLAKE3 of @noble/hashes 2.6 µs. The spec holds it to @noble/hashes.
 */

/** The longest message: one chunk. */
export const messageBytesMax = 1024;

/** Where the message is put: from byte 0, the rest of its last block of 64 filled with zeros by `keyedHash`. */
export const message = new Uint8Array(messageBytesMax);
/** Over the same memory. */
export const messageView = new DataView(message.buffer);
/** The first 32 bytes of the hash that was computed last. */
export const digest = new Uint8Array(32);

const words = new Int32Array(message.buffer);
const out = new Int32Array(digest.buffer);
const chain = new Int32Array(8);

const chunkStart = 1;
const chunkEnd = 2;
const root = 8;
const keyed = 16;
const blockBytes = 64;

/** A key of 32 bytes as `keyedHash` takes it. */
export function keyOf(bytes: Uint8Array): Int32Array {
  if (bytes.length !== 32) throw new RangeError(`a key has 32 bytes, not ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 32);
  return Int32Array.from({ length: 8 }, (_, index) => view.getInt32(index * 4, true));
}

/** Hashes the first `length` bytes of `message` with the key, into `digest`. Allocates nothing. Needs a little-endian machine, as the snapshots do. */
export function keyedHash(key: Int32Array, length: number): void {
  if (length > messageBytesMax) throw new RangeError(`a message has at most ${messageBytesMax} bytes, not ${length}`);
  const blocks = length <= blockBytes ? 1 : Math.ceil(length / blockBytes);
  // By hand: a call of `fill` costs 20 ns, which is much beside the rest.
  for (let at = length; at < blocks * blockBytes; at++) message[at] = 0;
  let state = key;
  for (let block = 0; block < blocks - 1; block++) {
    compress(state, block * 16, blockBytes, keyed | (block === 0 ? chunkStart : 0), chain);
    state = chain;
  }
  const last = blocks - 1;
  compress(state, last * 16, length - last * blockBytes, keyed | (last === 0 ? chunkStart : 0) | chunkEnd | root, out);
}

/**
 * The compression function, its first half of the output only. One function with all of the state in local variables: 90 ns, where an array for
 * the state costs ten times that. In each round the message words are used in order and then change places.
 */
function compress(key: Int32Array, at: number, length: number, flags: number, into: Int32Array): void {
  let m0 = words[at + 0]!;
  let m1 = words[at + 1]!;
  let m2 = words[at + 2]!;
  let m3 = words[at + 3]!;
  let m4 = words[at + 4]!;
  let m5 = words[at + 5]!;
  let m6 = words[at + 6]!;
  let m7 = words[at + 7]!;
  let m8 = words[at + 8]!;
  let m9 = words[at + 9]!;
  let m10 = words[at + 10]!;
  let m11 = words[at + 11]!;
  let m12 = words[at + 12]!;
  let m13 = words[at + 13]!;
  let m14 = words[at + 14]!;
  let m15 = words[at + 15]!;
  let v0 = key[0]!;
  let v1 = key[1]!;
  let v2 = key[2]!;
  let v3 = key[3]!;
  let v4 = key[4]!;
  let v5 = key[5]!;
  let v6 = key[6]!;
  let v7 = key[7]!;
  let v8 = 0x6a09e667 | 0;
  let v9 = 0xbb67ae85 | 0;
  let v10 = 0x3c6ef372 | 0;
  let v11 = 0xa54ff53a | 0;
  // The counter of chunks: always the first.
  let v12 = 0;
  let v13 = 0;
  let v14 = length;
  let v15 = flags;
  for (let round = 0; ; round++) {
    v0 = (v0 + v4 + m0) | 0;
    v12 ^= v0;
    v12 = (v12 >>> 16) | (v12 << 16);
    v8 = (v8 + v12) | 0;
    v4 ^= v8;
    v4 = (v4 >>> 12) | (v4 << 20);
    v0 = (v0 + v4 + m1) | 0;
    v12 ^= v0;
    v12 = (v12 >>> 8) | (v12 << 24);
    v8 = (v8 + v12) | 0;
    v4 ^= v8;
    v4 = (v4 >>> 7) | (v4 << 25);
    v1 = (v1 + v5 + m2) | 0;
    v13 ^= v1;
    v13 = (v13 >>> 16) | (v13 << 16);
    v9 = (v9 + v13) | 0;
    v5 ^= v9;
    v5 = (v5 >>> 12) | (v5 << 20);
    v1 = (v1 + v5 + m3) | 0;
    v13 ^= v1;
    v13 = (v13 >>> 8) | (v13 << 24);
    v9 = (v9 + v13) | 0;
    v5 ^= v9;
    v5 = (v5 >>> 7) | (v5 << 25);
    v2 = (v2 + v6 + m4) | 0;
    v14 ^= v2;
    v14 = (v14 >>> 16) | (v14 << 16);
    v10 = (v10 + v14) | 0;
    v6 ^= v10;
    v6 = (v6 >>> 12) | (v6 << 20);
    v2 = (v2 + v6 + m5) | 0;
    v14 ^= v2;
    v14 = (v14 >>> 8) | (v14 << 24);
    v10 = (v10 + v14) | 0;
    v6 ^= v10;
    v6 = (v6 >>> 7) | (v6 << 25);
    v3 = (v3 + v7 + m6) | 0;
    v15 ^= v3;
    v15 = (v15 >>> 16) | (v15 << 16);
    v11 = (v11 + v15) | 0;
    v7 ^= v11;
    v7 = (v7 >>> 12) | (v7 << 20);
    v3 = (v3 + v7 + m7) | 0;
    v15 ^= v3;
    v15 = (v15 >>> 8) | (v15 << 24);
    v11 = (v11 + v15) | 0;
    v7 ^= v11;
    v7 = (v7 >>> 7) | (v7 << 25);
    v0 = (v0 + v5 + m8) | 0;
    v15 ^= v0;
    v15 = (v15 >>> 16) | (v15 << 16);
    v10 = (v10 + v15) | 0;
    v5 ^= v10;
    v5 = (v5 >>> 12) | (v5 << 20);
    v0 = (v0 + v5 + m9) | 0;
    v15 ^= v0;
    v15 = (v15 >>> 8) | (v15 << 24);
    v10 = (v10 + v15) | 0;
    v5 ^= v10;
    v5 = (v5 >>> 7) | (v5 << 25);
    v1 = (v1 + v6 + m10) | 0;
    v12 ^= v1;
    v12 = (v12 >>> 16) | (v12 << 16);
    v11 = (v11 + v12) | 0;
    v6 ^= v11;
    v6 = (v6 >>> 12) | (v6 << 20);
    v1 = (v1 + v6 + m11) | 0;
    v12 ^= v1;
    v12 = (v12 >>> 8) | (v12 << 24);
    v11 = (v11 + v12) | 0;
    v6 ^= v11;
    v6 = (v6 >>> 7) | (v6 << 25);
    v2 = (v2 + v7 + m12) | 0;
    v13 ^= v2;
    v13 = (v13 >>> 16) | (v13 << 16);
    v8 = (v8 + v13) | 0;
    v7 ^= v8;
    v7 = (v7 >>> 12) | (v7 << 20);
    v2 = (v2 + v7 + m13) | 0;
    v13 ^= v2;
    v13 = (v13 >>> 8) | (v13 << 24);
    v8 = (v8 + v13) | 0;
    v7 ^= v8;
    v7 = (v7 >>> 7) | (v7 << 25);
    v3 = (v3 + v4 + m14) | 0;
    v14 ^= v3;
    v14 = (v14 >>> 16) | (v14 << 16);
    v9 = (v9 + v14) | 0;
    v4 ^= v9;
    v4 = (v4 >>> 12) | (v4 << 20);
    v3 = (v3 + v4 + m15) | 0;
    v14 ^= v3;
    v14 = (v14 >>> 8) | (v14 << 24);
    v9 = (v9 + v14) | 0;
    v4 ^= v9;
    v4 = (v4 >>> 7) | (v4 << 25);
    if (round === 6) break;
    const first0 = m0;
    m0 = m2;
    m2 = m3;
    m3 = m10;
    m10 = m12;
    m12 = m9;
    m9 = m11;
    m11 = m5;
    m5 = first0;
    const first1 = m1;
    m1 = m6;
    m6 = m4;
    m4 = m7;
    m7 = m13;
    m13 = m14;
    m14 = m15;
    m15 = m8;
    m8 = first1;
  }
  into[0] = v0 ^ v8;
  into[1] = v1 ^ v9;
  into[2] = v2 ^ v10;
  into[3] = v3 ^ v11;
  into[4] = v4 ^ v12;
  into[5] = v5 ^ v13;
  into[6] = v6 ^ v14;
  into[7] = v7 ^ v15;
}
