import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { migrate, openAnalytics, openClickHouse } from '#libs/analytics/clickhouse';
import { type EmbeddedClickHouse, startEmbeddedClickHouse } from '#libs/analytics/embedded';
import { migrations } from '#libs/analytics/schema';
import { openFileLog } from '#libs/event-log/file';
import { requestRebuild } from '../rebuild-request.js';
import { plainFold, type Tables } from './plain-fold.js';
import { RandomHistory } from './random-history.js';
import { readTables } from './read-tables.js';

/** The compiled tree; `VITRINE_TEST_DIST` names another one. */
const dist = process.env['VITRINE_TEST_DIST'] ?? join(process.cwd(), 'dist');

export interface KillRounds {
  readonly seed: number;
  readonly rounds: number;
  readonly eventsPerRound: number;
}

export interface Outcome {
  readonly expected: Tables;
  readonly actual: Tables;
  readonly rebuilt: Tables;
  readonly kills: { readonly projector: number; readonly clickHouse: number; readonly inRebuild: number };
}

/**
 * Events are appended while the projector's process or ClickHouse's is killed with -9 at random moments of each round; then a rebuild is
 * asked for and killed too, a few times. In the end everything runs, and the tables are read.
 */
export async function killRounds({ seed, rounds, eventsPerRound }: KillRounds): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-kills-'));
  const history = new RandomHistory(seed);
  const log = await openFileLog({ folder: join(folder, 'log') });
  const startEngine = (ports: { httpPort: number; nativePort: number }) =>
    startEmbeddedClickHouse({ folder: join(folder, 'clickhouse'), ...ports, memoryBytesMax: 1024 ** 3, onExit: () => undefined });
  let engine: EmbeddedClickHouse = await startEngine({ httpPort: 0, nativePort: 0 });
  const startProjector = () => projectorProcess(join(folder, 'log'), engine.url, join(folder, 'projector.lock'));
  let projector = startProjector();
  const kills = { projector: 0, clickHouse: 0, inRebuild: 0 };
  const kill = async () => {
    if (history.below(2) === 0) {
      projector.kill('SIGKILL');
      await once(projector, 'exit');
      projector = startProjector();
      kills.projector += 1;
    } else {
      process.kill(engine.pid, 'SIGKILL');
      engine = await startEngine(engine);
      kills.clickHouse += 1;
    }
  };
  const connection = openClickHouse({ url: engine.url, database: engine.database });
  const analytics = openAnalytics(connection);
  try {
    await migrate(connection, migrations);
    for (let round = 0; round < rounds; round++) {
      const appending = history.append(log, 1 + history.below(eventsPerRound));
      await pause(history.below(700));
      await kill();
      await appending;
    }
    await analytics.waitFor((await log.lastPosition())!, 120_000);
    const expected = await plainFold(log);
    const actual = await readTables(connection);

    // What a rebuild leaves out or adds would show; what it makes anew would not, so one row is taken out by hand.
    await connection.command('ALTER TABLE behaviour_facts DELETE WHERE log_position % 7 = 0', {}, { mutations_sync: '1' });
    const request = await requestRebuild(log, 'system');
    for (let cut = 0; cut < Math.ceil(rounds / 10); cut++) {
      await pause(300 + history.below(1_000));
      await kill();
      kills.inRebuild += 1;
    }
    await analytics.waitFor(request, 120_000);
    return { expected, actual, rebuilt: await readTables(connection), kills };
  } finally {
    projector.kill('SIGKILL');
    await connection.close();
    await engine.stop();
    await log.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function projectorProcess(...args: readonly string[]): ChildProcess {
  const program = join(dist, 'libs/features/projector/testing/projector-process.js');
  return spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'ignore', 'inherit'] });
}
