/**
 * `npm run bench [-- row …] [-- --short]`: every figure of the README's table, ours and the peer's measured in turns, as ratios.
 * Long: 9 rounds, 10 million customers; writes results/latest.json. Short: 2 rounds, 100,000 customers; prints the shape, writes nothing.
 * `--write-docs` measures nothing: it writes the README's table and those of docs/scaling.md from the results.
 * `--rounds`, `--customers`, `--seconds` (of a turn of load) change that; `--tables <folder>` keeps the hundred million events of the audience's build.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { startRun } from './harness/measuring.js';
import { killAll } from './harness/processes.js';
import { keepReport, readReport, reportOf, resultsFile, tableOf, writeReadme } from './harness/report.js';
import { type Row, type RowId, type RowMaker, rowIds } from './harness/row.js';
import { writeScaling } from './harness/scaling.js';
import { audienceRows } from './rows/audience.js';
import { audienceBuildRow } from './rows/audience-build.js';
import { collectorRow } from './rows/collector.js';
import { coresRow } from './rows/cores.js';
import { nodeStartRow } from './rows/node-start.js';
import { queryRows } from './rows/query.js';
import { swapRows } from './rows/swap.js';

const makers: readonly RowMaker[] = [...queryRows, collectorRow, coresRow, swapRows, audienceRows, nodeStartRow, audienceBuildRow];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    'write-docs': { type: 'boolean', default: false },
    rounds: { type: 'string' },
    customers: { type: 'string' },
    seconds: { type: 'string' },
    tables: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
process.exitCode = await main();

async function main(): Promise<number> {
  if (values['write-docs']) return writeDocs();
  const wanted = positionals.length === 0 ? rowIds : positionals;
  const unknown = wanted.filter((id) => !(rowIds as readonly string[]).includes(id));
  if (unknown.length > 0) return complain(`no such row: ${unknown.join(', ')}; there are ${rowIds.join(', ')}`);
  const ids = wanted as readonly RowId[];
  const chosen = makers.filter((maker) => maker.ids.some((id) => ids.includes(id)));
  const missing = new Set(chosen.flatMap(({ needs }) => needs).filter(({ command }) => !isThere(command)));
  if (missing.size > 0) {
    const packages = [...new Set([...missing].map(({ debianPackage }) => debianPackage))];
    return complain(
      `not installed: ${[...missing].map(({ command }) => command).join(', ')}; sh test/bench/set-up.sh, or: apt-get install ${packages.join(' ')}`,
    );
  }
  const number = (text: string | undefined) => (text === undefined ? {} : { value: Number(text) });
  const run = startRun({
    short: values.short,
    say: (line) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`),
    ...rename(number(values.rounds), 'rounds'),
    ...rename(number(values.customers), 'customers'),
    ...rename(number(values.seconds), 'seconds'),
    ...(values.tables === undefined ? {} : { tables: values.tables }),
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await killAll();
      run.dispose();
      process.exit(1);
    });
  }
  const rows: Row[] = [];
  const failures: string[] = [];
  try {
    for (const maker of chosen) {
      const own = maker.ids.filter((id) => ids.includes(id));
      const began = performance.now();
      try {
        rows.push(...(await maker.measure(run, own)));
      } catch (error) {
        // The other rows are worth having; the command still fails.
        failures.push(`${own.join(', ')}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        run.say(failures.at(-1) as string);
      }
      run.say(`${own.join(', ')}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
    }
  } finally {
    run.dispose();
  }
  const report = reportOf(rows);
  if (!values.short) keepReport(report);
  console.log(values.json ? JSON.stringify(report) : tableOf(report));
  if (!values.short) console.log(`\n${resultsFile}`);
  for (const failure of failures) console.error(`not measured: ${failure.split('\n', 1)[0]}`);
  return failures.length === 0 ? 0 : 1;
}

function writeDocs(): number {
  const report = readReport();
  if (report === undefined) return complain(`there is no ${resultsFile} yet`);
  writeReadme(report);
  writeScaling(report);
  return 0;
}

function rename<Name extends string>({ value }: { value?: number }, name: Name): { [key in Name]?: number } {
  return (value === undefined ? {} : { [name]: value }) as { [key in Name]?: number };
}

function isThere(command: string): boolean {
  return (
    spawnSync('sh', ['-c', 'command -v "$0"', command], { env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } })
      .status === 0
  );
}

function complain(line: string): number {
  console.error(`bench: ${line}`);
  return 2;
}
