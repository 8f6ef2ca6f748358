import { type FileHandle, open } from 'node:fs/promises';
import type { RejectReason } from './table.js';

export interface RejectedRow {
  readonly line: number;
  readonly reason: RejectReason;
  readonly message: string;
}

/** At most so many rejected rows are written down; all are counted. */
export const rejectsWrittenMax = 1_000_000;

/** Rejected rows as JSON lines: where and why, never what stood there, which may be personal. */
export class RejectsFile {
  private lines: string[] = [];
  private written = 0;

  private constructor(private readonly file: FileHandle | null) {}

  /** An earlier run's file is replaced: a run goes through all rows again. */
  static async open(path: string | null): Promise<RejectsFile> {
    return new RejectsFile(path === null ? null : await open(path, 'w'));
  }

  add(row: RejectedRow): void {
    if (this.file === null || this.written >= rejectsWrittenMax) return;
    this.written++;
    this.lines.push(JSON.stringify(row));
  }

  async flush(): Promise<void> {
    if (this.file === null || this.lines.length === 0) return;
    const lines = this.lines;
    this.lines = [];
    await this.file.appendFile(`${lines.join('\n')}\n`);
  }

  async close(): Promise<void> {
    await this.flush();
    await this.file?.close();
  }
}
