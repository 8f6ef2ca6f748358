import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { decodeFrame, type Frame, frameBytes, frameHeadBytes, lastSequenceOf, scanFrames } from './frames.js';

/** What was wrong with the files when they were opened. */
export interface SpoolDamage {
  readonly kind: 'tornTail' | 'damaged';
  readonly file: string;
  readonly from: number;
  readonly bytes: number;
}

interface Segment {
  readonly path: string;
  readonly firstSequence: number;
  /** Bytes that are on the disk for certain. */
  end: number;
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
}

const markIntervalMs = 1_000;
const headBytes = 24;
const headMagic = Buffer.from('VTS1');

/**
 * The spool's files: segments `<first sequence>.seg` (`VTS1` | epoch 16 bytes | crc32 u32, then frames), written at the end, read from the
 * front, removed when all in them is in the log; and `mark`, which says up to which sequence that is so.
 */
export class Segments {
  /** Sequence of the next fact; those of a failed write are not used again. */
  nextSequence: number;
  /** Sequence of the newest fact on the disk, or in the log. */
  lastSequence: number;
  /** Facts and bytes that `release` has not yet counted off. */
  facts = 0;
  bytes = 0;
  private writing: FileHandle | undefined;
  private reading: { readonly path: string; readonly handle: FileHandle } | undefined;
  private cursor: { segment: Segment; at: number } | undefined;
  private tailIsBroken = false;
  private markedAtMs = 0;

  private constructor(
    private readonly folder: string,
    private readonly segmentBytesMax: number,
    readonly epoch: string,
    public forwarded: number,
    private readonly segments: Segment[],
  ) {
    this.lastSequence = forwarded;
    this.nextSequence = forwarded + 1;
  }

  /** Opens what is there; torn tails are cut off and damaged stretches left out, each told to `report`. */
  static async open(folder: string, segmentBytesMax: number, report: (damage: SpoolDamage) => void): Promise<Segments> {
    const mark = await readMark(folder);
    const found = await Promise.all(
      (await segmentNames(folder)).map((name) => readSegment(join(folder, name), mark?.forwarded ?? 0, report)),
    );
    const epoch = mark?.epoch ?? found.find(({ epoch }) => epoch)?.epoch ?? randomBytes(16).toString('hex');
    // Before any fact is written: a restart must find the epoch that the facts' ids are made of.
    if (!mark) await writeMark(folder, { epoch, forwarded: 0 });
    const opened = new Segments(folder, segmentBytesMax, epoch, mark?.forwarded ?? 0, []);
    for (const { segment, facts, bytes, lastSequence } of found) {
      opened.segments.push(segment);
      opened.facts += facts;
      opened.bytes += bytes;
      opened.lastSequence = Math.max(opened.lastSequence, lastSequence);
      opened.nextSequence = Math.max(opened.nextSequence, segment.firstSequence, lastSequence + 1);
    }
    await opened.startSegment(opened.nextSequence);
    return opened;
  }

  /**
   * Writes frames behind the others, all or none, and returns when they are on the disk for certain.
   * @throws the system's error (ENOSPC for a full disk); then nothing of them is left.
   */
  async write(bytes: Buffer, firstSequence: number, facts: number): Promise<void> {
    const isFull = this.newest.end > headBytes && this.newest.end + bytes.length > this.segmentBytesMax;
    if (isFull || this.tailIsBroken) await this.startSegment(firstSequence);
    const { newest } = this;
    const file = this.writing as FileHandle;
    try {
      await writeWhole(file, bytes, newest.end);
      await file.datasync();
    } catch (error) {
      await this.cutTail(file, newest);
      throw error;
    }
    newest.end += bytes.length;
    this.lastSequence = firstSequence + facts - 1;
    this.facts += facts;
    this.bytes += bytes.length;
  }

  /** The next frame with facts that are not in the log; undefined when all on the disk have been read. */
  async read(): Promise<Frame | undefined> {
    for (;;) {
      this.cursor ??= { segment: this.segments[0] as Segment, at: headBytes };
      const { cursor } = this;
      const gap = cursor.segment.gaps.find(({ from }) => from === cursor.at);
      if (gap) cursor.at = gap.to;
      if (cursor.at < cursor.segment.end) {
        const frame = await this.readFrame(cursor.segment, cursor.at);
        cursor.at += frame.bytes;
        if (lastSequenceOf(frame) > this.forwarded) return frame;
        continue;
      }
      const next = this.segments[this.segments.indexOf(cursor.segment) + 1];
      if (!next) return undefined;
      this.cursor = { segment: next, at: headBytes };
    }
  }

  /** Whether `read` would find a frame, as far as is known without reading. */
  get hasMore(): boolean {
    const { newest, cursor } = this;
    return !cursor || cursor.segment !== newest || cursor.at < newest.end;
  }

  /** Everything up to `sequence` is in the log: segments that hold nothing else are removed, and now and then it is written down. */
  async release(sequence: number, facts: number, bytes: number): Promise<void> {
    this.forwarded = sequence;
    this.facts -= facts;
    this.bytes -= bytes;
    if (Date.now() - this.markedAtMs >= markIntervalMs) await this.mark();
    while (this.segments[1] && this.segments[1].firstSequence <= sequence + 1 && this.segments[0] !== this.cursor?.segment) {
      const done = this.segments.shift();
      if (done) await rm(done.path, { force: true });
    }
  }

  /** Writes down how far the log has the facts. */
  async mark(): Promise<void> {
    this.markedAtMs = Date.now();
    await writeMark(this.folder, { epoch: this.epoch, forwarded: this.forwarded });
  }

  async close(): Promise<void> {
    await this.writing?.close();
    await this.reading?.handle.close();
  }

  private get newest(): Segment {
    return this.segments.at(-1) as Segment;
  }

  private async startSegment(firstSequence: number): Promise<void> {
    const path = join(this.folder, `${String(firstSequence).padStart(15, '0')}.seg`);
    const head = Buffer.concat([headMagic, Buffer.from(this.epoch, 'hex')]);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(head));
    const file = await open(path, 'w');
    try {
      await writeWhole(file, Buffer.concat([head, sum]), 0);
      await file.datasync();
      await syncFolder(this.folder);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    await this.writing?.close();
    this.writing = file;
    this.tailIsBroken = false;
    // One of the same name holds no fact, or the sequence would be further.
    const same = this.segments.at(-1)?.path === path ? this.segments.pop() : undefined;
    const segment: Segment = { path, firstSequence, end: headBytes, gaps: [] };
    this.segments.push(segment);
    if (same && this.cursor?.segment === same) this.cursor = { segment, at: headBytes };
  }

  private async cutTail(file: FileHandle, segment: Segment): Promise<void> {
    try {
      await file.truncate(segment.end);
    } catch {
      // The write's own error is the one to tell; nothing more goes into this segment.
      this.tailIsBroken = true;
    }
  }

  private async readFrame(segment: Segment, at: number): Promise<Frame> {
    if (this.reading?.path !== segment.path) {
      await this.reading?.handle.close();
      this.reading = { path: segment.path, handle: await open(segment.path, 'r') };
    }
    const head = Buffer.alloc(frameHeadBytes);
    await this.reading.handle.read(head, 0, head.length, at);
    const length = frameBytes(head, 0) ?? 0;
    const bytes = Buffer.alloc(Math.min(length, segment.end - at));
    await this.reading.handle.read(bytes, 0, bytes.length, at);
    const frame = decodeFrame(bytes, 0);
    if (!frame) throw new SpoolDamaged(`${segment.path} cannot be read at byte ${at}`);
    return frame;
  }
}

/** Facts on the disk that were readable when the spool was opened are not any more. */
export class SpoolDamaged extends Error {
  readonly code = 'SPOOL_DAMAGED';
}

async function segmentNames(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\d{15}\.seg$/.test(name)).sort();
}

async function readSegment(path: string, forwarded: number, report: (damage: SpoolDamage) => void) {
  const bytes = await readFile(path);
  const isHeaded = bytes.length >= headBytes && bytes.readUInt32BE(20) === crc32(bytes.subarray(0, 20));
  const scan = scanFrames(bytes, Math.min(headBytes, bytes.length), forwarded);
  if (scan.end < bytes.length) {
    report({ kind: 'tornTail', file: path, from: scan.end, bytes: bytes.length - scan.end });
    await truncate(path, scan.end);
  }
  for (const { from, to } of scan.gaps) report({ kind: 'damaged', file: path, from, bytes: to - from });
  const segment: Segment = { path, firstSequence: Number(path.slice(-19, -4)), end: scan.end, gaps: scan.gaps };
  return { ...scan, segment, epoch: isHeaded ? bytes.toString('hex', 4, 20) : undefined };
}

async function writeWhole(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  // A full disk writes what fits: a short write, and the error comes with the next.
  for (let written = 0; written < bytes.length; )
    written += (await file.write(bytes, written, bytes.length - written, at + written)).bytesWritten;
}

interface Mark {
  readonly epoch: string;
  readonly forwarded: number;
}

/** Undefined when there is none, or none that can be read: the log itself then says how far it got (forwarder.ts). */
async function readMark(folder: string): Promise<Mark | undefined> {
  try {
    const mark = JSON.parse(await readFile(join(folder, 'mark'), 'utf8')) as Partial<Mark>;
    return /^[0-9a-f]{32}$/.test(mark.epoch ?? '') && Number.isSafeInteger(mark.forwarded) ? (mark as Mark) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeMark(folder: string, mark: Mark): Promise<void> {
  const path = join(folder, 'mark');
  const file = await open(`${path}.new`, 'w');
  try {
    await file.writeFile(JSON.stringify(mark));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
