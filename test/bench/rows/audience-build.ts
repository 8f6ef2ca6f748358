/** A whole build, from the tables to the published file, beside the bare query: test/bench/audience-build.ts says how. */
import { measureAudienceBuild } from '../audience-build.js';
import { spread } from '../harness/rounds.js';
import type { RowMaker } from '../harness/row.js';

const target = 3;

export const audienceBuildRow: RowMaker = {
  ids: ['audience-build-vs-bare-query'],
  needs: [],
  async measure({ customers, rounds, say, tables }) {
    const { rounds: pairs, ...about } = await measureAudienceBuild({
      customers: Math.ceil(customers / 2),
      rounds,
      say,
      ...(tables === undefined ? {} : { folder: tables }),
    });
    const ratios = spread(pairs.map(({ ratio }) => ratio));
    say(`audience-build-vs-bare-query: ${ratios.median} (${ratios.min}–${ratios.max})`);
    return [
      {
        id: 'audience-build-vs-bare-query',
        target,
        ratio: ratios.median,
        met: ratios.median <= target,
        rounds,
        compares: `time from the question to the published file of ${about.customers} customers / the same query with FORMAT Null`,
        ratios,
        ours: { ...about, ms: spread(pairs.map(({ oursMs }) => oursMs)) },
        peer: {
          name: 'ClickHouse (chdb), FORMAT Null',
          version: 'of package-lock.json',
          ms: spread(pairs.map(({ bareQueryMs }) => bareQueryMs)),
        },
      },
    ];
  },
};
