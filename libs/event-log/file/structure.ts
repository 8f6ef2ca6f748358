import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { LogCorrupted } from './log-corrupted.js';

/**
 * LMDB's file format, version 2 (mdb.c: MDB_meta, MDB_db, MDB_page_header, MDB_node, MDB_ovpage), read with plain reads: the store itself maps
 * the file and trusts it, so that a file that is cut short or has a damaged page would end the process with a signal.
 */
const metaMagic = 0xbeefc0de;
const headBytes = 24;
const nodeHeadBytes = 8;
const noPage = 0xffff_ffff_ffff_ffffn;
const branchPage = 0x01;
const leafPage = 0x02;
const overflowPage = 0x04;
const bigData = 0x01;
const subTable = 0x02;
const pagesPerTurn = 1_000;
const problemsMax = 100;

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
  readonly freeRoot: bigint;
  readonly mainRoot: bigint;
}

/** @throws LogCorrupted when the file is no store, or shorter than it says. */
export function checkLength(path: string): void {
  withFile(path, (descriptor) => {
    if (fstatSync(descriptor).size === 0) return;
    const meta = newestMeta(descriptor, path);
    const bytes = (meta.lastPage + 1) * meta.pageBytes;
    // After the meta pages: another process may be writing, and then the file only grows.
    const { size } = fstatSync(descriptor);
    if (size < bytes) throw new LogCorrupted(`${path} is cut short: ${size} bytes of ${bytes}; restore it from a backup`);
  });
}

/**
 * Walks all pages of all tables. The caller holds a read transaction if others may be writing, so that no page is used again meanwhile.
 * Answers at most a hundred problems.
 */
export async function structureProblems(path: string): Promise<string[]> {
  const descriptor = openSync(path, 'r');
  try {
    const meta = newestMeta(descriptor, path);
    const walk = new Walk(descriptor, meta);
    walk.enter(meta.freeRoot);
    walk.enter(meta.mainRoot);
    while (walk.step(pagesPerTurn)) await new Promise(setImmediate);
    return walk.problems;
  } finally {
    closeSync(descriptor);
  }
}

class Walk {
  readonly problems: string[] = [];
  private readonly left: number[] = [];
  private readonly seen = new Set<number>();
  private readonly page: Buffer;

  constructor(
    private readonly descriptor: number,
    private readonly meta: Meta,
  ) {
    this.page = Buffer.alloc(meta.pageBytes);
  }

  enter(root: bigint): void {
    if (root !== noPage) this.left.push(Number(root));
  }

  /** False when there is nothing more to walk. */
  step(pages: number): boolean {
    for (let count = 0; count < pages; count++) {
      const page = this.left.pop();
      if (page === undefined || this.problems.length >= problemsMax) return false;
      this.check(page);
    }
    return true;
  }

  private check(number: number): void {
    const { page } = this;
    if (!this.read(number)) return;
    const flags = page.readUInt16LE(18);
    if (flags !== branchPage && flags !== leafPage) {
      this.problem(number, 'is neither branch nor leaf');
      return;
    }
    const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
    if (lower > upper || upper > page.length - headBytes || lower % 2 === 1) {
      this.problem(number, 'has impossible bounds');
      return;
    }
    for (let index = 0; index < lower / 2; index++) {
      const at = headBytes + page.readUInt16LE(headBytes + index * 2);
      if (at < headBytes + upper || at + nodeHeadBytes > page.length) {
        this.problem(number, 'has an entry outside of it');
        return;
      }
      if (flags === branchPage) this.enterBranch(number, at);
      else this.checkEntry(number, at);
    }
  }

  private enterBranch(number: number, at: number): void {
    const { page } = this;
    if (at + nodeHeadBytes + page.readUInt16LE(at + 6) > page.length) this.problem(number, 'has an entry that is too long');
    else this.left.push(page.readUInt32LE(at) + page.readUInt16LE(at + 4) * 2 ** 32);
  }

  private checkEntry(number: number, at: number): void {
    const { page } = this;
    const flags = page.readUInt16LE(at + 4);
    const dataAt = at + nodeHeadBytes + page.readUInt16LE(at + 6);
    const dataBytes = page.readUInt32LE(at);
    if (dataAt + (flags & bigData ? 24 : dataBytes) > page.length) this.problem(number, 'has an entry that is too long');
    else if (flags & ~(bigData | subTable)) this.problem(number, 'has an entry of an unknown kind');
    else if (flags & bigData)
      this.checkOverflow(number, Number(page.readBigUInt64LE(dataAt)), Number(page.readBigUInt64LE(dataAt + 16)), dataBytes);
    else if (flags & subTable) this.enter(page.readBigUInt64LE(dataAt + 40));
  }

  private checkOverflow(number: number, first: number, pages: number, dataBytes: number): void {
    const needed = Math.floor((headBytes - 1 + dataBytes) / this.meta.pageBytes) + 1;
    if (pages !== needed || first + pages - 1 > this.meta.lastPage) {
      this.problem(number, 'has a long value outside of the file');
      return;
    }
    const head = Buffer.alloc(headBytes);
    readSync(this.descriptor, head, 0, headBytes, first * this.meta.pageBytes);
    if (Number(head.readBigUInt64LE(0)) !== first || head.readUInt16LE(18) !== overflowPage)
      this.problem(first, 'is not the long value that it should be');
  }

  private read(number: number): boolean {
    const { page, meta } = this;
    let wrong: string | undefined;
    if (number < 2 || number > meta.lastPage) wrong = 'is outside of the file';
    else if (this.seen.has(number)) wrong = 'is used twice';
    else if (readSync(this.descriptor, page, 0, page.length, number * page.length) < page.length) wrong = 'is cut off';
    else if (Number(page.readBigUInt64LE(0)) !== number) wrong = 'is another page';
    this.seen.add(number);
    if (wrong) this.problem(number, wrong);
    return wrong === undefined;
  }

  private problem(page: number, what: string): void {
    this.problems.push(`the store's page ${page} ${what}`);
  }
}

function newestMeta(descriptor: number, path: string): Meta {
  const first = readMeta(descriptor, 0);
  const second = first && readMeta(descriptor, first.pageBytes);
  if (!first || !second) throw new LogCorrupted(`${path} is no event log, or its beginning is damaged`);
  return second.transaction > first.transaction ? second : first;
}

function readMeta(descriptor: number, at: number): Meta | undefined {
  const bytes = Buffer.alloc(headBytes + 144);
  if (readSync(descriptor, bytes, 0, bytes.length, at) < bytes.length || bytes.readUInt32LE(headBytes) !== metaMagic) return undefined;
  // Behind magic, version, address and map size: the free list's table and the main table of 48 bytes each, the last page, the transaction.
  const tablesAt = headBytes + 24;
  const pageBytes = bytes.readUInt32LE(tablesAt);
  if (pageBytes < 512 || pageBytes > 65_536) return undefined;
  return {
    pageBytes,
    freeRoot: bytes.readBigUInt64LE(tablesAt + 40),
    mainRoot: bytes.readBigUInt64LE(tablesAt + 88),
    lastPage: Number(bytes.readBigUInt64LE(tablesAt + 96)),
    transaction: Number(bytes.readBigUInt64LE(tablesAt + 104)),
  };
}

function withFile(path: string, act: (descriptor: number) => void): void {
  const descriptor = openSync(path, 'r');
  try {
    act(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
