import { encodeFrame, frameOverhead } from './frames.js';

/** Larger groups wait for each other: the disk is asked for so much at once. */
const groupBytesMax = 16 * 1024 * 1024;
const groupBytesMin = 256 * 1024;

interface Waiting {
  readonly lastSequence: number;
  resolve(lastSequence: number): void;
  reject(error: Error): void;
}

/** Frames that are written, and waited for, together. */
export interface FrameGroup {
  readonly firstSequence: number;
  readonly facts: number;
  readonly bytes: Buffer;
}

class Filling implements FrameGroup {
  facts = 0;
  end = 0;
  /** Of its frames. */
  size = 0;
  readonly waiting: Waiting[] = [];

  constructor(
    public memory: Buffer,
    readonly firstSequence: number,
  ) {}

  get bytes(): Buffer {
    return this.memory.subarray(0, this.end);
  }
}

/**
 * Frames on their way to the disk, put into one piece of memory as they come: while a group is being written the next is filled, and the two pieces of
 * memory take turns. A buffer for each put, and one for each group, cost as much processor time as the disk did.
 */
export class FrameGroups {
  /** Of the frames in groups that are not done. */
  bytes = 0;
  private readonly groups: Filling[] = [];
  private spare: Buffer | undefined;

  /** Puts a frame behind the others; resolves with the sequence of its last fact when its group is on the disk. */
  add(firstSequence: number, facts: number, content: Uint8Array, form: string): Promise<number> {
    const needed = frameOverhead(form) + content.length;
    let group = this.groups.at(-1);
    if (group === undefined || (group.end > 0 && group.end + needed > groupBytesMax)) {
      group = new Filling(this.memory(), firstSequence);
      this.groups.push(group);
    }
    if (group.end + needed > group.memory.length) grow(group, needed);
    group.end = encodeFrame(group.memory, group.end, { firstSequence, putAtMs: Date.now(), count: facts, form }, content);
    group.facts = firstSequence + facts - group.firstSequence;
    group.size += needed;
    this.bytes += needed;
    const { waiting } = group;
    return new Promise((resolve, reject) => waiting.push({ lastSequence: firstSequence + facts - 1, resolve, reject }));
  }

  /** The oldest group, which takes no more; to be `done`. */
  take(): FrameGroup | undefined {
    return this.groups.shift();
  }

  done(group: FrameGroup, failure: Error | undefined): void {
    const { waiting, memory, size } = group as Filling;
    this.bytes -= size;
    if (memory.length <= groupBytesMax) this.spare = memory;
    for (const { lastSequence, resolve, reject } of waiting) {
      if (failure) reject(failure);
      else resolve(lastSequence);
    }
  }

  private memory(): Buffer {
    const { spare } = this;
    this.spare = undefined;
    return spare ?? Buffer.allocUnsafeSlow(groupBytesMin);
  }
}

function grow(group: Filling, needed: number): void {
  const larger = Buffer.allocUnsafeSlow(Math.max(group.memory.length * 2, group.end + needed));
  group.memory.copy(larger, 0, 0, group.end);
  group.memory = larger;
}
