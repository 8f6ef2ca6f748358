/** A projector in a process of its own, for tests that kill it: `node projector-process.js <log folder> <ClickHouse url> <lock file>`. */
import { Registry } from 'prom-client';
import { openClickHouse, openProjectionTables } from '#libs/analytics/clickhouse';
import { migrations } from '#libs/analytics/schema';
import { openFileLog } from '#libs/event-log/file';
import { lockFileLeadership } from '#libs/leadership';
import { ProjectorMetrics } from '../metrics.js';
import { Projector } from '../projector.js';

const [folder, url, lock] = process.argv.slice(2) as [string, string, string];
const log = await openFileLog({ folder, readOnly: true });
new Projector({
  log,
  tables: openProjectionTables(openClickHouse({ url, database: 'vitrine' }), migrations),
  acquireLeadership: lockFileLeadership(lock, undefined, 20),
  metrics: new ProjectorMetrics(new Registry(), () => new Date()),
  // Small batches, so that kills find many borders between inserts.
  limits: { eventsMax: 150, bytesMax: 1_000_000, intervalMs: 20 },
  report: () => undefined,
  onFailure: (error) => {
    console.error(error);
    process.exit(1);
  },
}).start();
// A parent that was killed itself must not leave this behind.
process.stdin.on('end', () => process.exit(0)).resume();
