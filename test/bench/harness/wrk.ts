/** Load: Debian's wrk on a core of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { collect } from '../../system.js';
import { loadCore, root } from './processes.js';

/** What one run of wrk saw; times in milliseconds. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Microseconds and how often they occurred, in turns, the shortest first; as wrk corrects them for requests that a busy connection could not send. */
  readonly latencies: readonly number[];
}

export interface LoadOptions {
  /** A script of test/bench/wrk. */
  readonly script: 'query.lua' | 'collect.lua';
  readonly url: string;
  readonly seconds: number;
  /** What the script takes, in its order. */
  readonly args: readonly (string | number)[];
  readonly connections?: number;
}

export const connections = 64;

/** @throws when an answer was no 2xx, or a connection broke: such a run measures nothing. */
export async function load({ script, url, seconds, args, ...options }: LoadOptions): Promise<Load> {
  const { command, commandArgs } = {
    command: 'taskset',
    commandArgs: [
      '-c',
      String(loadCore),
      'wrk',
      '-t1',
      `-c${options.connections ?? connections}`,
      `-d${seconds}s`,
      '--timeout',
      '10s',
      '-s',
      join(root, 'test/bench/wrk', script),
      url,
      '--',
      ...args.map(String),
    ],
  };
  const child = spawn(command, commandArgs, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = collect(child);
  const [code] = (await once(child, 'close')) as [number | null];
  const { stdout, stderr } = output();
  const line = /^RESULT (.*)$/m.exec(stdout)?.[1];
  if (code !== 0 || line === undefined) throw new Error(`wrk ended with ${code}: ${stderr}${stdout}`);
  const seen = JSON.parse(line) as Load & { readonly errors: number };
  if (seen.errors > 0 || seen.requests === 0) throw new Error(`${url}: ${seen.errors} of ${seen.requests} requests failed\n${stdout}`);
  return seen;
}
