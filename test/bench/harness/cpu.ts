/** What processes have used of the processor, from the kernel's books. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * Microseconds (user and system together) that the processes have run so far, all their threads that live; from `/proc/<pid>/task/<tid>/schedstat`,
 * whose first number is the thread's time on a processor in nanoseconds. `/proc/<pid>/stat` counts the same in steps of 10 ms.
 */
export function cpuMicros(pids: readonly number[]): number {
  let nanos = 0n;
  for (const pid of pids) {
    for (const tid of readdirSync(`/proc/${pid}/task`)) {
      const text = readIfThere(`/proc/${pid}/task/${tid}/schedstat`);
      if (text !== undefined) nanos += BigInt(text.slice(0, text.indexOf(' ')));
    }
  }
  return Number(nanos / 1000n);
}

/** The process and all that it has started. */
export function withChildren(pid: number): number[] {
  const found = [pid];
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const text = readIfThere(`/proc/${pid}/task/${tid}/children`) ?? '';
    for (const child of text.split(' ').filter((each) => each !== '')) found.push(...withChildren(Number(child)));
  }
  return found;
}

/** Bytes of memory that the process holds now, and held at most since `forgetPeak`. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** From here on the peak is counted anew. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** A thread may end between being listed and being read. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
