/** The report: JSON for machines, a table for the README. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from './processes.js';
import { reasons } from './reasons.js';
import type { LoadSummary, Spread } from './rounds.js';
import { type Figures, type Row, rowIds } from './row.js';

export interface Report {
  /** When the newest row was measured, RFC 3339 in UTC. */
  readonly date: string;
  /** Of the code that was measured; with `+` when files were changed since. */
  readonly commit: string;
  readonly machine: string;
  readonly rows: readonly Row[];
}

export const resultsFile = join(root, 'test/bench/results/latest.json');

export function reportOf(rows: readonly Row[]): Report {
  const changed =
    git([
      'status',
      '--porcelain',
      '--untracked-files=no',
      '--',
      'apps',
      'libs',
      'test/bench',
      ':!test/bench/results',
      'package-lock.json',
    ]) !== '';
  return {
    date: new Date().toISOString(),
    commit: `${git(['rev-parse', '--short=12', 'HEAD'])}${changed ? '+' : ''}`,
    machine: `${cpus().length} cores, ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
    rows: rows.map(withReason).sort((a, b) => rowIds.indexOf(a.id) - rowIds.indexOf(b.id)),
  };
}

function withReason(row: Row): Row {
  return row.met ? row : { ...row, reason: row.reason ?? reasons[row.id] ?? 'not looked into yet' };
}

/** Rows that were not measured this time stay only when they are of the same commit: a report never mixes two. */
export function keepReport(report: Report): void {
  const earlier = readReport();
  const same = earlier?.commit === report.commit && earlier.machine === report.machine ? earlier.rows : [];
  const measured = new Set(report.rows.map(({ id }) => id));
  const rows = [...same.filter(({ id }) => !measured.has(id)), ...report.rows];
  rows.sort((a, b) => rowIds.indexOf(a.id) - rowIds.indexOf(b.id));
  mkdirSync(join(root, 'test/bench/results'), { recursive: true });
  writeFileSync(resultsFile, `${JSON.stringify({ ...report, rows }, null, 2)}\n`);
}

export function readReport(): Report | undefined {
  try {
    return JSON.parse(readFileSync(resultsFile, 'utf8')) as Report;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Markdown: one line a row, and the figures of the load under it. */
export function tableOf({ date, commit, machine, rows }: Report): string {
  const lines = [
    `Measured ${date.slice(0, 10)} at commit \`${commit}\` on ${machine}.`,
    '',
    '| row | what is compared | ratio (min–max of the rounds) | target | |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ id, compares, ratios, target, met }) =>
        `| \`${id}\` | ${compares} | **${ratios.median}** (${ratios.min}–${ratios.max}) | ≤ ${target} | ${met ? 'met' : 'missed'} |`,
    ),
  ];
  const loads = rows.filter(({ ours }) => isLoad(ours));
  if (loads.length > 0) {
    lines.push('', '| | CPU µs per request | requests/s | p50 ms | p99 ms | p99.9 ms |', '|---|---|---|---|---|---|');
    for (const { id, ours, peer } of loads) {
      lines.push(loadLine(`${id}: ours`, ours));
      if (isLoad(peer)) lines.push(loadLine(`${peer.name} ${peer.version}`, peer));
    }
  }
  for (const { id, reason } of rows.filter((row) => !row.met)) lines.push('', `\`${id}\` is missed: ${reason}`);
  return lines.join('\n');
}

function isLoad(figures: Figures): boolean {
  return 'cpuMicrosPerRequest' in figures && 'p999Ms' in figures;
}

function loadLine(name: string, figures: Figures): string {
  const load = figures as unknown as LoadSummary;
  const columns: Spread[] = [load.cpuMicrosPerRequest, load.requestsPerSecond, load.p50Ms, load.p99Ms, load.p999Ms];
  return `| ${name} | ${columns.map(({ median }) => median).join(' | ')} |`;
}

const begin = '<!-- bench: written by npm run bench -- --write-docs -->';
const end = '<!-- /bench -->';

/** Puts the table into the README, between its marks. */
export function writeReadme(report: Report): void {
  const file = join(root, 'README.md');
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no ${begin} … ${end}`);
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n\n${tableOf(report)}\n\n${text.slice(to)}`);
}

function git(args: readonly string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}
