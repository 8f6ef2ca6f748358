import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { clean, collect, until } from './system.js';

/** One process, which can be killed and started again with the same settings. */
export class Part {
  private child: ChildProcess | undefined;
  private output: () => { stdout: string; stderr: string } = () => ({ stdout: '', stderr: '' });
  private earlier = '';

  constructor(
    readonly name: string,
    private readonly command: readonly [string, ...string[]],
    private readonly environment: Readonly<Record<string, string>>,
    /** Found in its standard output when it is up; undefined: up when it runs. */
    private readonly sign: string | undefined,
    /** Processes of its own that are killed and stopped together with it. */
    private readonly children: () => readonly number[] = () => [],
  ) {}

  get pid(): number {
    return this.child?.pid as number;
  }
  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }
  get complaints(): string {
    return this.earlier + this.output().stderr;
  }
  get printed(): string {
    return this.output().stdout;
  }

  async start(): Promise<void> {
    this.earlier = this.complaints;
    const [program, ...args] = this.command;
    const child = spawn(program, args, { env: clean(this.environment), stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.output = collect(child);
    await until(`${this.name} is up`, 120_000, () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended with ${child.exitCode}: ${this.output().stderr.slice(-2000)}`);
      return this.sign === undefined || this.output().stdout.includes(this.sign);
    });
  }

  /** The exit code. */
  async end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const { child } = this;
    if (child === undefined) return null;
    if (this.isRunning) {
      const closed = once(child, 'close');
      child.kill(signal);
      if (signal === 'SIGKILL') for (const pid of this.children()) process.kill(pid, signal);
      await closed;
    }
    return child.exitCode;
  }

  /** Stands still until `thaw`: its connections stay open, and nothing is answered. */
  freeze(): void {
    for (const pid of [this.pid, ...this.children()]) process.kill(pid, 'SIGSTOP');
  }
  thaw(): void {
    for (const pid of [this.pid, ...this.children()]) process.kill(pid, 'SIGCONT');
  }
}
