/**
 * What an event takes on disks: in a log in a folder, as JSON, and in ClickHouse's tables after merges. docs/scaling.md reckons with these figures.
 *
 *   npm run build && node dist/test/bench/bytes-per-event.js [batches of 20 behaviour events, 2000 by default] [seconds of queries, 10 by default]
 */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openFileLog } from '#libs/event-log/file';
import { Split } from '../split.js';
import { until } from '../system.js';
import { root } from './harness/processes.js';
import { load } from './harness/wrk.js';

const batches = Number(process.argv[2] ?? 2_000);
const seconds = Number(process.argv[3] ?? 10);
const clientId = 'shop';
const customers = 20_000;

const split = await Split.start({ eventLog: 'file', snapshots: 'file' });
try {
  await split.command('registerClient', 'RegisterClientInput!', { clientId, name: 'The shop', currency: 'GBP' });
  await split.command('registerContent', 'RegisterContentInput!', {
    clientId,
    contentId: 'ten-percent',
    type: 'IMAGE',
    address: 'https://cdn.shop.example/banners/2026/ten-percent.png',
    destination: 'https://shop.example/campaigns/home/ten-percent',
  });
  const criteria = { field: 'views.count', op: 'gte', value: 2 };
  await split.command('defineSegment', 'DefineSegmentInput!', { clientId, segmentId: 'viewers', name: 'Viewers', criteria });
  await split.command('createCampaign', 'CreateCampaignInput!', { clientId, campaignId: 'home', name: 'Home' });
  await split.command('setCampaignRules', 'SetCampaignRulesInput!', {
    clientId,
    campaignId: 'home',
    rules: [{ ruleId: 'viewers', priority: 1, segmentId: 'viewers', contentId: 'ten-percent' }],
  });
  const { position } = await split.command('startCampaign', 'CampaignInput!', { clientId, campaignId: 'home' });
  await split.live(clientId, position, 'PLAYBOOK');

  const log = () => bytesBeneath(join(split.env['VITRINE_DATA'] as string, 'log'));
  const before = log();
  let sent = 0;
  while (sent < batches)
    sent += (
      await load({
        script: 'collect.lua',
        url: `${split.edge}/e/${clientId}`,
        seconds: 3,
        args: [customers, clientId, sent + 1],
        connections: 8,
      })
    ).requests;
  const behaviour = sent * 20;
  await arrived('behaviour', behaviour);
  const afterBehaviour = log();
  await load({
    script: 'query.lua',
    url: split.edge,
    seconds,
    args: [customers, clientId, 1],
    connections: 4,
  });
  // Some may have been let go when the queue in memory was full.
  const served = (await split.metric('vitrine_answers_total')) - (await split.metric('vitrine_records_dropped_total'));
  await arrived('content_served', served);
  const afterServed = log();

  const tables = JSON.parse(
    await analytics(
      `SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS disk, sum(data_uncompressed_bytes) AS raw FROM system.parts
       WHERE active AND database = 'vitrine' GROUP BY table ORDER BY disk DESC FORMAT JSON`,
    ),
  ) as { data: { table: string; rows: string; disk: string; raw: string }[] };
  const rows = tables.data.map(({ table, rows, disk, raw }) => ({
    table,
    rows: Number(rows),
    bytesPerRow: Math.round((Number(disk) / Number(rows)) * 10) / 10,
    uncompressedBytesPerRow: Math.round(Number(raw) / Number(rows)),
  }));
  const inLog = {
    servedPackedBytes: await packedBytes('served'),
    behaviourPackedBytes: await packedBytes('behaviour'),
    behaviourBytes: Math.round((afterBehaviour - before) / behaviour),
    servedBytes: Math.round((afterServed - afterBehaviour) / served),
  };
  const figures = { date: new Date().toISOString(), behaviourEvents: behaviour, servedEvents: served, customers, log: inLog, tables: rows };
  writeFileSync(join(root, 'test/bench/results/bytes-per-event.json'), `${JSON.stringify(figures, null, 2)}\n`);
  console.log(figures.log);
  console.table(rows);
} finally {
  await split.dispose();
}

/** An event's share of 500 that lie together as JSON, compressed with gzip. */
async function packedBytes(category: string): Promise<number> {
  const log = await openFileLog({ folder: join(split.env['VITRINE_DATA'] as string, 'log') });
  const facts: unknown[] = [];
  try {
    for await (const { id, type, data } of log.readAll({ after: null, filter: { categories: [category] } })) {
      if (facts.push({ id, type, data }) === 500) break;
    }
  } finally {
    await log.close();
  }
  return Math.round(gzipSync(JSON.stringify(facts)).length / facts.length);
}

async function arrived(table: string, count: number): Promise<void> {
  await until(`${count} rows of ${table}`, 600_000, async () => {
    // The question is no small one.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const [row] = await split.select(`SELECT count() AS n FROM ${table} WHERE client_id = '${clientId}'`);
    return Number(row?.n) >= count;
  });
}

/** As the apps' user, who may look at parts. */
async function analytics(query: string): Promise<string> {
  const url = new URL(split.env['VITRINE_ANALYTICS'] as string);
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
  const response = await fetch(url.origin, { method: 'POST', headers: { authorization }, body: query });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

function bytesBeneath(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce(
    (sum, name) => sum + statSync(join(folder, name)).blocks * 512,
    0,
  );
}
