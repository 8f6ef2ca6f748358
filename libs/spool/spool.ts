import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type EventLog, EventLogUnavailable, type Position } from '#libs/event-log';
import { FactIds } from './fact-id.js';
import { type FactQueue, type SpooledFact, SpoolFull, type SpoolReceipt } from './facts.js';
import { lockFolder } from './folder-lock.js';
import { Forwarder, ForwarderStopped, type OutgoingFact } from './forwarder.js';
import { FrameGroups } from './frame-groups.js';
import { type Frame, frameOverhead, jsonForm, lastSequenceOf } from './frames.js';
import { OfferedFacts } from './offered-facts.js';
import { OutgoingFacts } from './outgoing-facts.js';
import { type PackedFacts, PackedQueue, type Unpack } from './packed-facts.js';
import { Receipts } from './receipts.js';
import { Segments, type SpoolDamage } from './segments.js';
import { Turns } from './turns.js';
import { quietMoment } from './way-giving.js';

/** What operations should hear of. */
export type SpoolReport =
  | SpoolDamage
  | { readonly kind: 'refused'; readonly stream: string; readonly sequence: number; readonly cause: Error }
  | { readonly kind: 'logAway' | 'logBack' | 'diskFailed'; readonly cause?: unknown }
  | { readonly kind: 'failed'; readonly cause: unknown };

export interface SpoolOptions {
  /** The spool's own; made when absent. One process at a time. */
  readonly folder: string;
  /** Names this writer in the streams; no two spools of a system share it. */
  readonly node: string;
  readonly log: EventLog;
  /** Of facts that are not in the log; 1 GiB when absent. */
  readonly bytesMax?: number;
  /** Offered facts waiting in memory; 10,000 when absent. */
  readonly memoryMax?: number;
  /** How long an offered fact waits at most before it is written to the disk; 100 when absent. What a crash may cost. */
  readonly flushIntervalMs?: number;
  /**
   * Facts wait on the disk while the process has no time left, but for `givesWayMsMax` at most, and not when half of `bytesMax` is spooled or somebody
   * waits for them to be in the log. For processes that answer.
   */
  readonly givesWay?: boolean;
  /** 60,000 when absent. */
  readonly givesWayMsMax?: number;
  /** How facts that stand in a form of their own are read, by the form's name. */
  readonly forms?: Readonly<Record<string, Unpack>>;
  /** Told once per change or incident; a warning of the process when absent. */
  readonly onReport?: (report: SpoolReport) => void;
}

export interface Spool extends FactQueue {
  /** Where facts of a form are written; the form must be among the spool's `forms`. */
  packed(form: string): PackedFacts;
  /** As `put`, of `count` facts that stand as a JSON array of `SpooledFact` in UTF-8 already: the caller answers for that. The bytes are copied before it returns. */
  putJson(json: Uint8Array, count: number): Promise<SpoolReceipt>;
  /** `refused`: facts that the log refuses for ever, in `dead-letter.ndjson` of the folder, since the spool was opened. */
  readonly status: FactQueue['status'] & { readonly refused: number };
}

/** The disk cannot be written; nothing of the call was taken. */
export class SpoolUnwritable extends Error {
  readonly code = 'SPOOL_UNWRITABLE';
}

export class SpoolClosed extends Error {
  readonly code = 'SPOOL_CLOSED';
}

/**
 * Opens the spool in `folder`, cuts off what a crash left torn (reported), and begins to forward what earlier runs left.
 * @throws SpoolInUse when another process has it.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  await mkdir(options.folder, { recursive: true });
  const lock = lockFolder(options.folder);
  const report = options.onReport ?? warn;
  try {
    const segmentBytesMax = Math.min(8 * 1024 * 1024, Math.max(64 * 1024, Math.floor((options.bytesMax ?? bytesMaxDefault) / 8)));
    const segments = await Segments.open(options.folder, segmentBytesMax, report);
    return new DiskSpool(options, report, segments, lock.release);
  } catch (error) {
    lock.release();
    throw error;
  }
}

const bytesMaxDefault = 1024 ** 3;
const flushIntervalMsDefault = 100;
/** A customer's impressions and clicks are in the log within about a minute, also from a node that is never idle. */
const givesWayMsMaxDefault = 60_000;
/** A commit of the log serves so many at least; more would only live longer in memory. */
const windowFactsMax = 1_000;
const windowBytesMax = 4 * 1024 * 1024;
const diskRetryMs = 1_000;

class DiskSpool implements Spool {
  private readonly bytesMax: number;
  private readonly stopping = new AbortController();
  private readonly receipts: Receipts;
  private readonly offered: OfferedFacts;
  private readonly packedQueues = new Map<string, PackedQueue>();
  private readonly forwarder: Forwarder;
  private readonly outgoing: OutgoingFacts;
  private readonly forwarding: Promise<void>;
  private readonly groups = new FrameGroups();
  private writing: Promise<void> | undefined;
  private forwarded = 0;
  private refused = 0;
  private logAvailable = true;
  private failure: unknown;
  private wake: () => void = () => undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly options: SpoolOptions,
    private readonly report: (report: SpoolReport) => void,
    private readonly segments: Segments,
    private readonly unlock: () => void,
  ) {
    this.bytesMax = options.bytesMax ?? bytesMaxDefault;
    const ids = new FactIds(options.node, segments.epoch);
    this.outgoing = new OutgoingFacts(options.node, ids, options.forms ?? {});
    this.receipts = new Receipts(segments.forwarded);
    this.offered = new OfferedFacts(options.memoryMax ?? 10_000, options.flushIntervalMs ?? flushIntervalMsDefault, {
      put: (facts) => this.put(facts),
      unwritable: (cause) => report({ kind: 'diskFailed', cause }),
    });
    this.forwarder = new Forwarder({
      log: options.log,
      ids,
      signal: this.stopping.signal,
      onRefused: (outgoing, cause) => this.bury(outgoing, cause),
      onRetry: (cause) => this.away(cause),
      onAnswered: () => this.back(),
    });
    this.forwarding = this.forwardAll();
  }

  get status(): Spool['status'] {
    return {
      queued: this.segments.facts + this.offered.size + this.sumOfPacked(({ size }) => size),
      spooledBytes: this.segments.bytes,
      spooledBytesMax: this.bytesMax,
      dropped: this.offered.dropped + this.sumOfPacked(({ dropped }) => dropped),
      forwarded: this.forwarded,
      logAvailable: this.logAvailable,
      refused: this.refused,
    };
  }

  async put(facts: readonly SpooledFact[]): Promise<SpoolReceipt> {
    this.assertOpen();
    if (facts.length === 0) return this.receiptOf(this.segments.lastSequence, 0);
    return this.receiptOf(await this.enqueue(Buffer.from(JSON.stringify(facts)), facts.length), facts.length);
  }

  async putJson(json: Uint8Array, count: number): Promise<SpoolReceipt> {
    this.assertOpen();
    return this.receiptOf(await this.enqueue(json, count), count);
  }

  private receiptOf(last: number, count: number): SpoolReceipt {
    return { appended: () => this.receipts.appended(last - count + 1, last) };
  }

  offer(fact: SpooledFact): boolean {
    return this.offered.offer(fact);
  }

  packed(form: string): PackedFacts {
    if (this.options.forms?.[form] === undefined) throw new RangeError(`this spool knows no form ${form}`);
    const known = this.packedQueues.get(form);
    if (known !== undefined) return known;
    const queue = new PackedQueue(this.options.flushIntervalMs ?? flushIntervalMsDefault, {
      put: async (packed, facts) => {
        this.assertOpen();
        await this.enqueue(packed, facts, form);
      },
      unwritable: (cause) => this.report({ kind: 'diskFailed', cause }),
    });
    this.packedQueues.set(form, queue);
    return queue;
  }

  async drained(): Promise<Position | null> {
    this.assertOpen();
    const flushed = await Promise.all([this.offered, ...this.packedQueues.values()].map((queue) => queue.flush()));
    if (flushed.includes(false)) throw new SpoolUnwritable('the disk does not take the offered facts');
    await this.writing;
    return this.receipts.drained(this.segments.lastSequence);
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private sumOfPacked(read: (queue: PackedQueue) => number): number {
    let sum = 0;
    for (const queue of this.packedQueues.values()) sum += read(queue);
    return sum;
  }

  private async end(): Promise<void> {
    try {
      await Promise.all([this.offered, ...this.packedQueues.values()].map((queue) => queue.close()));
      await this.writing;
    } finally {
      this.stopping.abort();
      this.wake();
      await this.forwarding;
      this.receipts.end(new SpoolClosed('the spool has been closed'));
      await this.segments.close();
      this.unlock();
    }
  }

  private assertOpen(): void {
    if (this.failure) throw this.failure;
    if (this.stopping.signal.aborted) throw new SpoolClosed('the spool has been closed');
  }

  /** Answers the sequence of the last of the facts, when they are on the disk. */
  private enqueue(content: Uint8Array, facts: number, form = jsonForm): Promise<number> {
    const taken = this.segments.bytes + this.groups.bytes + frameOverhead(form) + content.length;
    if (taken > this.bytesMax) return Promise.reject(new SpoolFull(`${taken} bytes would be spooled; at most ${this.bytesMax}`));
    const first = this.segments.nextSequence;
    this.segments.nextSequence += facts;
    const written = this.groups.add(first, facts, content, form);
    this.writing ??= this.writeAll();
    return written;
  }

  /** Group commit: what is put while the disk is waited for is written together with the next wait. */
  private async writeAll(): Promise<void> {
    // One turn of the event loop, so that puts of one moment share a wait for the disk.
    await new Promise(setImmediate);
    for (let group = this.groups.take(); group !== undefined; group = this.groups.take()) {
      let failure: Error | undefined;
      try {
        await this.segments.write(group.bytes, group.firstSequence, group.facts);
      } catch (error) {
        failure = putError(error);
      }
      this.groups.done(group, failure);
      if (!failure) this.wake();
    }
    this.writing = undefined;
  }

  private async forwardAll(): Promise<void> {
    try {
      while (!this.stopping.signal.aborted) {
        const frames = await this.readWindow();
        const [oldest] = frames;
        if (oldest === undefined) {
          await this.moreOrStop();
          continue;
        }
        if (this.options.givesWay === true) await quietMoment(() => this.cannotWait(oldest), this.stopping.signal);
        if (!this.stopping.signal.aborted) await this.forwardWindow(frames);
      }
    } catch (error) {
      if (!(error instanceof ForwarderStopped)) {
        // What is on the disk stays there for the next start; going on could put facts out of order.
        this.failure = error;
        this.receipts.end(error);
        this.report({ kind: 'failed', cause: error });
      }
    }
    await this.segments.mark().catch((cause: unknown) => this.report({ kind: 'diskFailed', cause }));
  }

  private cannotWait({ putAtMs }: Frame): boolean {
    // A clock that was put back must not make facts wait for it to catch up.
    const waitedMs = Math.abs(Date.now() - putAtMs);
    return (
      waitedMs >= (this.options.givesWayMsMax ?? givesWayMsMaxDefault) || this.receipts.isAwaited || this.segments.bytes > this.bytesMax / 2
    );
  }

  private async readWindow(): Promise<Frame[]> {
    const frames: Frame[] = [];
    let [facts, bytes] = [0, 0];
    while (facts < windowFactsMax && bytes < windowBytesMax) {
      const frame = await this.segments.read();
      if (!frame) break;
      frames.push(frame);
      facts += frame.count;
      bytes += frame.bytes;
    }
    return frames;
  }

  private async moreOrStop(): Promise<void> {
    if (this.segments.hasMore || this.stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }

  private async forwardWindow(frames: readonly Frame[]): Promise<void> {
    const facts: OutgoingFact[] = [];
    const turns = new Turns();
    for (const frame of frames) {
      for (const fact of this.outgoing.of(frame)) {
        facts.push(fact);
        if (turns.isOver) await turns.next();
      }
    }
    const outcomes = await this.forwarder.forward(facts);
    const last = lastSequenceOf(frames.at(-1) as Frame);
    const bytes = frames.reduce((sum, frame) => sum + frame.bytes, 0);
    const count = frames.reduce((sum, frame) => sum + frame.count, 0);
    for (const outcome of outcomes.values()) if ('position' in outcome) this.forwarded++;
    try {
      await this.segments.release(last, count, bytes);
    } catch (cause) {
      // The mark only saves the next start from asking the log; the segments' facts are counted off all the same.
      this.report({ kind: 'diskFailed', cause });
    }
    this.receipts.passed(last, outcomes);
  }

  /** Writes a refused fact aside; waits for a disk that does not take it. */
  private async bury({ stream, sequence, event }: OutgoingFact, cause: Error): Promise<void> {
    const { code = null } = cause as { code?: string };
    const line = JSON.stringify({ at: new Date().toISOString(), stream, sequence, code, message: cause.message, event });
    for (;;) {
      try {
        await appendLine(join(this.options.folder, 'dead-letter.ndjson'), line);
        break;
      } catch (diskCause) {
        this.report({ kind: 'diskFailed', cause: diskCause });
        if (this.stopping.signal.aborted) throw new ForwarderStopped();
        // The pause is ended early by the signal alone.
        await delay(diskRetryMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
    this.refused++;
    this.report({ kind: 'refused', stream, sequence, cause });
  }

  private away(cause: unknown): void {
    const isFirst = this.logAvailable || !(cause instanceof EventLogUnavailable);
    this.logAvailable = false;
    if (isFirst) this.report({ kind: 'logAway', cause });
  }

  private back(): void {
    if (!this.logAvailable) this.report({ kind: 'logBack' });
    this.logAvailable = true;
  }
}

function putError(error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new SpoolFull(`the disk of the spool is full: ${message}`, { cause: error });
  return new SpoolUnwritable(`the spool could not be written: ${message}`, { cause: error });
}

async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, 'a');
  try {
    await file.writeFile(`${line}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function warn(report: SpoolReport): void {
  const cause = 'cause' in report && report.cause instanceof Error ? `: ${report.cause.message}` : '';
  const where = 'file' in report ? ` ${report.file}, ${report.bytes} bytes from byte ${report.from}` : '';
  process.emitWarning(`spool: ${report.kind}${where}${cause}`);
}
