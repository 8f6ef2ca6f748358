import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFrame, type Frame, frameBytes, frameHeadBytes, lastSequenceOf, saltFrames, scanFrames, sequenceAt } from './frames.js';
import { readMark, writeMark } from './mark.js';
import {
  decodeSegmentHead,
  encodeSegmentHead,
  guessedHead,
  newSegmentHead,
  type SegmentHead,
  segmentHeadBytesMax,
} from './segment-head.js';
import { SpareFiles } from './spare-files.js';

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
  /** Where its frames begin, and what their checksums are crossed with. */
  readonly begin: number;
  readonly salt: number;
  /** Bytes that are on the disk for certain. */
  end: number;
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
}

const markIntervalMs = 1_000;
/** Small frames are read together. */
const readBytesMin = 512 * 1024;

/**
 * The spool's files: segments `<first sequence>.seg` (a head, then frames), written at the end, read from the front, used again when all in them is in the
 * log; and `mark`, which says up to which sequence that is so.
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
  private reading: { readonly segment: Segment; readonly handle: FileHandle; at: number; bytes: Buffer } | undefined;
  private cursor: { segment: Segment; at: number } | undefined;
  /** Nothing more goes behind the newest segment's end. */
  private tailIsBroken = false;
  private markedAtMs = 0;

  private constructor(
    private readonly folder: string,
    private readonly segmentBytesMax: number,
    readonly epoch: string,
    public forwarded: number,
    private readonly segments: Segment[],
    private readonly spares: SpareFiles,
  ) {
    this.lastSequence = forwarded;
    this.nextSequence = forwarded + 1;
  }

  /** Opens what is there; torn tails are cut off and damaged stretches left out, each told to `report`. */
  static async open(folder: string, segmentBytesMax: number, report: (damage: SpoolDamage) => void): Promise<Segments> {
    const mark = await readMark(folder);
    const heads = await Promise.all((await segmentNames(folder)).map((name) => readHead(join(folder, name))));
    const ends = new Map(heads.map(({ head }) => [head?.before?.firstSequence, head?.before?.end]));
    const found: ScannedSegment[] = [];
    // One file after another: all that waits for a log that is away does not fit into memory.
    for (const { path } of heads) {
      const scanned = scanSegment(path, await readFile(path), ends.get(sequenceOf(path)), mark?.forwarded ?? 0, report);
      if (scanned.cutAt !== undefined) await truncate(path, scanned.cutAt);
      found.push(scanned);
    }
    const epoch = mark?.epoch ?? heads.find(({ head }) => head)?.head?.epoch ?? randomBytes(16).toString('hex');
    // Before any fact is written: a restart must find the epoch that the facts' ids are made of.
    if (!mark) await writeMark(folder, { epoch, forwarded: 0 });
    const opened = new Segments(
      folder,
      segmentBytesMax,
      epoch,
      mark?.forwarded ?? 0,
      [],
      await SpareFiles.open(folder, segmentBytesMax / 2),
    );
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
    const isFull = this.newest.end > this.newest.begin && this.newest.end + bytes.length > this.segmentBytesMax;
    if (isFull || this.tailIsBroken) await this.startSegment(firstSequence);
    const { newest } = this;
    const file = this.writing as FileHandle;
    saltFrames(bytes, newest.salt);
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
      this.cursor ??= beginningOf(this.segments[0] as Segment);
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
      this.cursor = beginningOf(next);
    }
  }

  /** Whether `read` would find a frame, as far as is known without reading. */
  get hasMore(): boolean {
    const { newest, cursor } = this;
    return !cursor || cursor.segment !== newest || cursor.at < newest.end;
  }

  /** Everything up to `sequence` is in the log: files that hold nothing else are used again, and now and then it is written down. */
  async release(sequence: number, facts: number, bytes: number): Promise<void> {
    this.forwarded = sequence;
    this.facts -= facts;
    this.bytes -= bytes;
    if (Date.now() - this.markedAtMs >= markIntervalMs) await this.mark();
    while (this.segments[1] && this.segments[1].firstSequence <= sequence + 1 && this.segments[0] !== this.cursor?.segment) {
      const done = this.segments.shift();
      if (done) await this.spares.add(done.path, done.firstSequence);
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
    // One of the same name holds no fact, or the sequence would be further.
    const before = this.segments.findLast((segment) => segment.path !== path);
    const spare = this.spares.take();
    const head = newSegmentHead(this.epoch, spare?.bytes ?? 0, before);
    const file = await (spare === undefined ? open(path, 'w') : open(spare.path, 'r+'));
    try {
      await writeWhole(file, encodeSegmentHead(head), 0);
      await file.datasync();
      // It is a segment only now that its head says that what else it holds is not.
      if (spare !== undefined) await rename(spare.path, path);
      await syncFolder(this.folder);
    } catch (error) {
      // What is left of it may say where the segment before ends, though it cannot be removed or its removal is lost: nothing is written there any more.
      this.tailIsBroken = true;
      await file.close();
      for (const left of [path, ...(spare === undefined ? [] : [spare.path])]) await rm(left, { force: true });
      throw error;
    }
    await this.writing?.close();
    this.writing = file;
    this.tailIsBroken = false;
    const same = this.newest?.path === path ? this.segments.pop() : undefined;
    const segment: Segment = { path, firstSequence, begin: head.bytes, salt: head.salt, end: head.bytes, gaps: [] };
    this.segments.push(segment);
    if (same && this.cursor?.segment === same) this.cursor = beginningOf(segment);
  }

  private async cutTail(file: FileHandle, segment: Segment): Promise<void> {
    try {
      await file.truncate(segment.end);
    } catch {
      // The write's own error is the one to tell. What it left counts for nothing: the next segment will say where this one ends.
      this.tailIsBroken = true;
    }
  }

  private async readFrame(segment: Segment, at: number): Promise<Frame> {
    let bytes = await this.bytesAt(segment, at, frameHeadBytes);
    bytes = await this.bytesAt(segment, at, frameBytes(bytes, 0) ?? 0);
    const frame = decodeFrame(bytes, 0, segment.salt);
    if (!frame) throw new SpoolDamaged(`${segment.path} cannot be read at byte ${at}`);
    return frame;
  }

  /** So many bytes from there on, and what else has been read behind them; fewer at the segment's end. */
  private async bytesAt(segment: Segment, at: number, needed: number): Promise<Buffer> {
    if (this.reading?.segment !== segment) {
      await this.reading?.handle.close();
      this.reading = undefined;
      this.reading = { segment, handle: await open(segment.path, 'r'), at: 0, bytes: Buffer.alloc(0) };
    }
    const { reading } = this;
    const end = Math.min(at + needed, segment.end);
    if (at < reading.at || end > reading.at + reading.bytes.length) {
      // Frames that were read refer to the bytes before, so these are others.
      const wanted = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, readBytesMin), segment.end - at));
      const { bytesRead } = await reading.handle.read(wanted, 0, wanted.length, at);
      reading.at = at;
      reading.bytes = wanted.subarray(0, bytesRead);
    }
    return reading.bytes.subarray(at - reading.at);
  }
}

/** Facts on the disk that were readable when the spool was opened are not any more. */
export class SpoolDamaged extends Error {
  readonly code = 'SPOOL_DAMAGED';
}

async function segmentNames(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^\d{15}\.seg$/.test(name)).sort();
}

async function readHead(path: string): Promise<{ readonly path: string; readonly head: SegmentHead | undefined }> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(segmentHeadBytesMax), 0, segmentHeadBytesMax, 0);
    return { path, head: decodeSegmentHead(buffer.subarray(0, bytesRead)) };
  } finally {
    await file.close();
  }
}

type ScannedSegment = ReturnType<typeof scanSegment>;

/** `endSaid`: where the next segment says that this one ends; `cutAt`: where the file is to be cut. */
function scanSegment(path: string, bytes: Buffer, endSaid: number | undefined, forwarded: number, report: (damage: SpoolDamage) => void) {
  const head = decodeSegmentHead(bytes);
  const { bytes: begin, salt } = head ?? guessedHead(bytes, sequenceOf(path));
  const scan = scanFrames(bytes.subarray(0, endSaid), begin, salt, forwarded);
  const segment: Segment = { path, firstSequence: sequenceOf(path), begin, salt, end: scan.end, gaps: scan.gaps };
  for (const { from, to } of scan.gaps) report({ kind: 'damaged', file: path, from, bytes: to - from });
  if (endSaid !== undefined) return { ...scan, segment, cutAt: undefined };
  const used = head?.usedBytes ?? 0;
  // Frames of the file's former use are older than the segment.
  const isTorn = bytes.length > Math.max(scan.end, used) || (sequenceAt(bytes, scan.end) ?? -1) >= segment.firstSequence;
  if (isTorn) report({ kind: 'tornTail', file: path, from: scan.end, bytes: bytes.length - scan.end });
  return { ...scan, segment, cutAt: isTorn && used === 0 ? scan.end : undefined };
}

function sequenceOf(path: string): number {
  return Number(path.slice(-19, -4));
}

function beginningOf(segment: Segment): { segment: Segment; at: number } {
  return { segment, at: segment.begin };
}

async function writeWhole(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  // A full disk writes what fits: a short write, and the error comes with the next.
  for (let written = 0; written < bytes.length; )
    written += (await file.write(bytes, written, bytes.length - written, at + written)).bytesWritten;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
