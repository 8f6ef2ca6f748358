/** A whole build, from the tables to the published file, beside the bare query: test/bench/audience-build.ts says how. In a process of its own, as a builder is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { collect } from '../../system.js';
import type { AudienceBuildFigures, BuildRound, IncrementRound } from '../audience-build.js';
import { root } from '../harness/processes.js';
import { round, spread } from '../harness/rounds.js';
import type { Figures, Measuring, RowMaker } from '../harness/row.js';

const target = 3;

export const audienceBuildRow: RowMaker = {
  ids: ['audience-build-vs-bare-query'],
  needs: [],
  async measure(measuring) {
    const { rounds, increments, fewTouched, ...about } = await figuresOf(measuring);
    const of = (name: keyof BuildRound) => spread(rounds.map((each) => each[name]));
    const ratios = of('ratio');
    measuring.say(`audience-build-vs-bare-query: ${ratios.median} (${ratios.min}–${ratios.max})`);
    return [
      {
        id: 'audience-build-vs-bare-query',
        target,
        ratio: ratios.median,
        met: ratios.median <= target,
        rounds: rounds.length,
        compares: `time from the question to the published file of ${about.customers} customers / the same query with FORMAT Null`,
        ratios,
        ours: {
          ...about,
          ms: of('oursMs'),
          builderCpuMs: of('builderCpuMs'),
          clickHouseCpuMs: of('clickHouseCpuMs'),
          builderPeakBytes: of('builderPeakBytes'),
          clickHousePeakBytes: of('clickHousePeakBytes'),
          ...incrementFigures('onePercent', increments),
          ...incrementFigures('few', fewTouched),
        },
        peer: {
          name: 'ClickHouse (chdb), FORMAT Null',
          version: 'of package-lock.json',
          ms: of('bareQueryMs'),
          cpuMs: of('bareQueryCpuMs'),
        },
      },
    ];
  },
};

/** Processor time per touched customer: ClickHouse's and the builder's. */
function incrementFigures(name: string, rounds: readonly IncrementRound[]): Figures {
  const touched = rounds[0]?.customers ?? 0;
  const each = (cpuMs: (one: IncrementRound) => number) => round((spread(rounds.map(cpuMs)).median * 1000) / touched);
  return {
    [`${name}Touched`]: touched,
    [`${name}Ms`]: spread(rounds.map(({ ms }) => ms)),
    [`${name}ClickHouseMicrosEach`]: each(({ clickHouseCpuMs }) => clickHouseCpuMs),
    [`${name}BuilderMicrosEach`]: each(({ builderCpuMs }) => builderCpuMs),
  };
}

async function figuresOf({ customers, rounds, tables, say }: Measuring): Promise<AudienceBuildFigures> {
  const program = join(root, 'dist/test/bench/audience-build.js');
  const args = [String(Math.ceil(customers / 2)), String(rounds), ...(tables === undefined ? [] : [tables])];
  const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  createInterface(child.stderr).on('line', say);
  const output = collect(child);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the build ended with ${code}: ${output().stderr}`);
  return JSON.parse(output().stdout.split('\n', 1)[0]!) as AudienceBuildFigures;
}
