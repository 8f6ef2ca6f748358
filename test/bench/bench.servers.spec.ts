import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { clean, collect } from '../system.js';
import type { Report } from './harness/report.js';
import { rowIds } from './harness/row.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('vitrine-bench-'));

async function bench(...args: string[]) {
  const child = spawn(process.execPath, [join(root, 'dist/test/bench/bench.js'), ...args], { cwd: root, env: clean({}) });
  const output = collect(child);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output() };
}

const spread = { min: expect.any(Number), median: expect.any(Number), max: expect.any(Number) };
const load = { cpuMicrosPerRequest: spread, requestsPerSecond: spread, p50Ms: spread, p99Ms: spread, p999Ms: spread };

/** How fast anything is, is not asked here: that the figures are there, each in its place, and nothing stays behind. */
describe('npm run bench, short', () => {
  it('measures ours and the peer in turns, and writes what the report promises', async () => {
    const before = left();
    const results = readFileSync(join(root, 'test/bench/results/latest.json'), 'utf8');
    const ids = ['query-on-vs-nginx', 'query-vs-haproxy-map', 'query-vs-node-redis', 'audience-bytes-per-customer', 'collector-vs-fastify'];
    const { code, stdout, stderr } = await bench('--short', '--json', '--rounds', '1', '--customers', '20000', ...ids);
    expect([stderr.split('\n').filter((line) => line.startsWith('not measured')), code]).toEqual([[], 0]);
    const report = JSON.parse(stdout) as Report;
    expect(report).toEqual({
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      commit: expect.stringMatching(/^[0-9a-f]{12}\+?$/),
      machine: expect.stringContaining('cores'),
      rows: expect.any(Array),
    });
    expect(report.rows.map(({ id }) => id)).toEqual(ids);
    for (const row of report.rows) {
      expect(row).toMatchObject({
        target: expect.any(Number),
        ratio: expect.any(Number),
        met: row.ratio <= row.target,
        rounds: 1,
        compares: expect.any(String),
        ratios: spread,
        peer: { name: expect.any(String), version: expect.any(String) },
      });
      if (row.id.includes('-vs-')) expect([row.ours, row.peer]).toMatchObject([load, load]);
    }
    const [query] = report.rows;
    expect(query?.ours).toMatchObject({ answers: expect.any(Number), recordsDropped: expect.any(Number) });
    expect(query?.ours['answers']).toBeGreaterThan(0);
    // What browsers send is what the fast path has prepared for.
    expect(Number(query?.ours['answersPrepared'])).toBeGreaterThan(0.99 * Number(query?.ours['answers']));
    // Answers of constant servers are as large as ours: their heads differ by a few lines of the connection.
    expect(Math.abs(Number(query?.ours['answerBytes']) - Number(query?.peer['answerBytes']))).toBeLessThan(150);
    expect(left()).toEqual(before);
    expect(readFileSync(join(root, 'test/bench/results/latest.json'), 'utf8')).toBe(results);
  });

  it('names a row that there is not, and those that there are', async () => {
    const { code, stderr } = await bench('--short', 'query-vs-abacus');
    expect([code, stderr]).toEqual([2, `bench: no such row: query-vs-abacus; there are ${rowIds.join(', ')}\n`]);
  });
});
