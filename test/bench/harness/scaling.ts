/** docs/scaling.md's tables: the arithmetic from the figures of results/, with every assumption a constant here. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './processes.js';
import type { Report } from './report.js';
import type { Spread } from './rounds.js';

/** What is to be carried. */
const wanted = { clients: 1_000, customers: 500e6, answersPerSecond: 1e6 };
/** The mean of a day over its peak; behaviour events per answer; how much of a core is used at the peak. */
const assumed = { meanOverPeak: 0.4, eventsPerAnswer: 0.2, utilisation: 0.6 };
const nodeCores = 8;
/** Of nodes and collectors: a third may be away. */
const spare = 1.5;
/** Processor time of an HAProxy in front for a request: assumed, not measured here. */
const edgeMicros = 25;
/** Seconds between two increments of a client: the default, and where the latest seconds matter less than what they cost. */
const incrementSeconds = { fresh: 2, thrifty: 60 };
/** Nodes that have a client's snapshots. */
const nodesPerClient = 3;
/** Above an even spread. */
const unevenness = 1.5;
const largestClient = 20e6;
/** Of a node without audiences, and of a customer who was judged again since the last whole build: at most (`overlayCustomersMax`). */
const processBytes = 250e6;
const overlayBytes = 80;
const changedShare = 0.01;
/** Appends of 8 × 500 events at once took 42,000 a second on two cores (EventStoreDB 23.10); a little over half of that is planned for. */
const logEventsPerSecond = 25_000;
/** Facts in one event, where facts are packed. */
const packed = 500;
const retentionDays = { answers: 90, behaviour: 400 };
const hoursPerMonth = 730;

export interface BytesPerEvent {
  readonly behaviourEvents: number;
  readonly servedEvents: number;
  readonly log: {
    readonly behaviourBytes: number;
    readonly servedBytes: number;
    readonly servedPackedBytes: number;
    readonly behaviourPackedBytes: number;
  };
  readonly tables: readonly { readonly table: string; readonly rows: number; readonly bytesPerRow: number }[];
}

interface Figures {
  readonly answerMicros: number;
  /** Its record brought into the log included. */
  readonly answerIntoLogMicros: number;
  readonly customerBytes: number;
  readonly eventMicros: number;
  readonly eventIntoLogMicros: number;
  readonly buildsPerSecond: number;
  /** ClickHouse's processor time for one touched customer: of a few hundred at once, and of 1 % of the client's. */
  readonly fewMicros: number;
  readonly manyMicros: number;
  readonly stateBytes: number;
  readonly bytes: BytesPerEvent;
}

const begin = '<!-- scaling: written by npm run bench -- --write-docs -->';
const end = '<!-- /scaling -->';

export function writeScaling(report: Report): void {
  const file = join(root, 'docs/scaling.md');
  const bytes = JSON.parse(readFileSync(join(root, 'test/bench/results/bytes-per-event.json'), 'utf8')) as BytesPerEvent;
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/scaling.md has no ${begin} … ${end}`);
  const tables = tablesOf(
    figuresOf(report, bytes),
    `Figures of ${report.date.slice(0, 10)}, commit \`${report.commit}\`, ${report.machine}.`,
  );
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n\n${tables}\n\n${text.slice(to)}`);
}

function figuresOf(report: Report, bytes: BytesPerEvent): Figures {
  const ours = (id: string): Readonly<Record<string, unknown>> => {
    const row = report.rows.find((each) => each.id === id);
    if (row === undefined) throw new Error(`${id} has not been measured`);
    return row.ours;
  };
  const median = (id: string, name: string) => (ours(id)[name] as Spread).median;
  const collector = 'collector-vs-fastify';
  const build = ours('audience-build-vs-bare-query');
  return {
    answerMicros: median('query-on-vs-nginx', 'cpuMicrosPerRequest'),
    answerIntoLogMicros: ours('query-on-vs-nginx')['cpuMicrosPerAnswerIntoFileLog'] as number,
    customerBytes: ours('audience-bytes-per-customer')['bytesPerCustomer'] as number,
    eventMicros: median(collector, 'cpuMicrosPerRequest') / 20,
    eventIntoLogMicros: ours(collector)['cpuMicrosPerEventIntoFileLog'] as number,
    buildsPerSecond: ((build['customers'] as number) / median('audience-build-vs-bare-query', 'ms')) * 1000,
    fewMicros: build['fewClickHouseMicrosEach'] as number,
    manyMicros: build['onePercentClickHouseMicrosEach'] as number,
    stateBytes: build['stateBytesPerCustomer'] as number,
    bytes,
  };
}

/** Markdown. */
export function tablesOf(figures: Figures, source: string): string {
  return [source, nodes(figures), builds(figures), freshness(figures), log(figures), tables(figures), costs(figures)].join('\n\n');
}

/** Of the answers, `sample` are recorded and go into the log. */
function nodeCount({ answerMicros, answerIntoLogMicros }: Figures, sample: number): { readonly cores: number; readonly nodes: number } {
  const micros = answerMicros + sample * (answerIntoLogMicros - answerMicros);
  const cores = (wanted.answersPerSecond * micros) / 1e6 / assumed.utilisation;
  return { cores, nodes: Math.max(nodesPerClient * 2, Math.ceil((cores / nodeCores) * spare)) };
}

function nodes(figures: Figures): string {
  const sample = 0.1;
  const { cores, nodes: count } = nodeCount(figures, sample);
  const [alone, intoLog] = [round(figures.answerMicros), round(figures.answerIntoLogMicros - figures.answerMicros)];
  const allBytes = wanted.customers * figures.customerBytes;
  const overlays = wanted.customers * changedShare * overlayBytes;
  const share = Math.min(1, (nodesPerClient / count) * unevenness);
  const memory = (part: number) => (allBytes + overlays) * part + 2 * largestClient * figures.customerBytes + processBytes;
  return table(
    '### Nodes, where one answer in ten is recorded',
    ['what', 'arithmetic', 'comes to'],
    [
      ['CPU of an answer, recorded on the node', 'measured', `${alone} µs`],
      ['CPU of its way into the log', 'measured, one fact an event', `${intoLog} µs`],
      [
        'cores at the peak',
        `${wanted.answersPerSecond / 1e6} million/s × (${alone} + ${sample} × ${intoLog}) µs / ${assumed.utilisation}`,
        round(cores),
      ],
      [
        `nodes of ${nodeCores} cores, \`VITRINE_WORKERS=${nodeCores}\``,
        `cores / ${nodeCores} × ${spare}, so that a third may be away; ${nodesPerClient * 2} at least`,
        String(count),
      ],
      ['all audiences', `${wanted.customers / 1e6} million × ${round(figures.customerBytes)} bytes`, gigabytes(allBytes)],
      ['increments on them', `${changedShare * 100} % of the customers × ${overlayBytes} bytes`, gigabytes(overlays)],
      [
        'memory of a node that has all clients',
        `both + 2 × the largest audience (${largestClient / 1e6} million) + the process`,
        gigabytes(memory(1)),
      ],
      [
        `memory of a node in subsets of ${nodesPerClient}`,
        `${nodesPerClient} / ${count} × ${unevenness} of both + the same`,
        gigabytes(memory(share)),
      ],
    ],
  );
}

function builds({ buildsPerSecond, customerBytes }: Figures): string {
  const everyHour = wanted.customers / 3600;
  const bytesPerSecond = (wanted.customers * customerBytes * nodesPerClient) / 3600;
  return table(
    '### Whole builds, each client once an hour',
    ['what', 'arithmetic', 'comes to'],
    [
      ['customers judged', `${wanted.customers / 1e6} million / 3,600 s`, `${round(everyHour / 1000)} thousand/s`],
      [
        'machines of 2 cores for builder and ClickHouse',
        `measured: ${round(buildsPerSecond / 1e6)} million/s on one`,
        round(everyHour / buildsPerSecond),
      ],
      ['network to the nodes', `all audiences × ${nodesPerClient} nodes an hour`, `${round(bytesPerSecond / 1e6)} MB/s`],
    ],
  );
}

const samples = [1, 0.1, 0.01] as const;

/** Customers judged again for increments: nobody is counted for two events between two increments as one, so these are upper bounds. */
function judgingCores(figures: Figures, touched: number, every: keyof typeof incrementSeconds): number {
  return (touched * (every === 'fresh' ? figures.fewMicros : figures.manyMicros)) / 1e6 / assumed.utilisation;
}

function freshness(figures: Figures): string {
  const rows = [0, ...samples].map((sample) => {
    const { answers, behaviour } = perSecond(sample);
    const touched = answers + behaviour;
    const cores = (every: keyof typeof incrementSeconds) => round(judgingCores(figures, touched, every));
    const counted = sample === 0 ? 'no' : `yes, ${sample * 100} % of them recorded`;
    return [counted, `${round(touched / 1000)} thousand/s`, round(touched / wanted.clients), cores('fresh'), cores('thrifty')];
  });
  const head = [
    'segments ask for answers',
    'customers judged again',
    'of a client',
    ...Object.values(incrementSeconds).map((s) => `cores, an increment every ${s} s`),
  ];
  return `${table("### Increments: ClickHouse's cores at the peak", head, rows)}

Measured with 5 million customers of 20 events each: ${round(figures.fewMicros)} µs for each of a few hundred touched customers, ${round(figures.manyMicros)} µs for each of 1 % of all, since more of them lie in one
piece of the tables. Whom only recorded answers concern is judged again only where the client's segments ask for what answers change (\`content.served\`). Smaller clients cost less. \`VITRINE_INCREMENT_SECONDS\` is what seconds of freshness cost.`;
}

function perSecond(sample: number): { readonly answers: number; readonly behaviour: number } {
  return { answers: wanted.answersPerSecond * sample, behaviour: wanted.answersPerSecond * assumed.eventsPerAnswer };
}

function logOf({ bytes }: Figures, sample: number, isPacked: boolean) {
  const { answers, behaviour } = perSecond(sample);
  const events = (answers + behaviour) / (isPacked ? packed : 1);
  const { servedBytes, behaviourBytes, servedPackedBytes, behaviourPackedBytes } = bytes.log;
  const perSecondBytes = isPacked
    ? answers * servedPackedBytes + behaviour * behaviourPackedBytes
    : answers * servedBytes + behaviour * behaviourBytes;
  const logs = Math.max(1, Math.ceil(events / logEventsPerSecond));
  return { events, logs, bytesPerDay: perSecondBytes * assumed.meanOverPeak * 86_400 };
}

function log(figures: Figures): string {
  const rows = samples.flatMap((sample) =>
    [false, true].map((isPacked) => {
      const { events, logs, bytesPerDay } = logOf(figures, sample, isPacked);
      return [
        `${sample * 100} %`,
        isPacked ? `${packed} facts an event` : 'one fact an event',
        `${round(events / 1000)} thousand/s`,
        `${round(bytesPerDay / 1e12)} TB`,
        String(logs),
      ];
    }),
  );
  return table('### The log', ['answers recorded', 'packing', 'events at the peak', 'a day', 'logs of 25,000 events/s'], rows);
}

/** Bytes that an answer, and an event of behaviour, take in all tables together. */
function tableBytes({ bytes }: Figures): { readonly answer: number; readonly behaviour: number } {
  const { behaviourEvents, servedEvents } = bytes;
  const stored = (name: string) => {
    const found = bytes.tables.find(({ table }) => table === name);
    if (found === undefined) throw new Error(`results/bytes-per-event.json has no table ${name}`);
    return found.rows * found.bytesPerRow;
  };
  // Every event leaves a mark in `touched`, and every answer one of the same size in `answered`: in tables measured before that was made, in `touched` too.
  const answered = bytes.tables.some(({ table }) => table === 'answered') ? stored('answered') : 0;
  const touched = (stored('touched') + answered) / (behaviourEvents + servedEvents);
  const ofBehaviour = ['behaviour_facts', 'messages', 'order_facts', 'order_item_facts'];
  return {
    answer: (stored('served_facts') + stored('decisions')) / servedEvents + touched,
    behaviour: ofBehaviour.reduce((sum, name) => sum + stored(name), 0) / behaviourEvents + touched,
  };
}

function rowsPerDay(sample: number): { readonly answers: number; readonly behaviour: number } {
  const { answers, behaviour } = perSecond(sample);
  const seconds = assumed.meanOverPeak * 86_400;
  return { answers: answers * seconds, behaviour: behaviour * seconds };
}

function keptInTables(figures: Figures, sample: number): number {
  const { answers, behaviour } = rowsPerDay(sample);
  const of = tableBytes(figures);
  const facts = answers * of.answer * retentionDays.answers + behaviour * of.behaviour * retentionDays.behaviour;
  return facts + wanted.customers * figures.stateBytes;
}

function tables(figures: Figures): string {
  const of = tableBytes(figures);
  const rows = samples.map((sample) => {
    const { answers, behaviour } = rowsPerDay(sample);
    return [
      `${sample * 100} %`,
      `${round(answers / 1e9)} + ${round(behaviour / 1e9)} billion`,
      `${round((answers * of.answer + behaviour * of.behaviour) / 1e9)} GB`,
      `${round(keptInTables(figures, sample) / 1e12)} TB`,
    ];
  });
  const kept = `kept (answers ${retentionDays.answers} days, behaviour ${retentionDays.behaviour})`;
  return `${table('### ClickHouse', ['answers recorded', 'rows a day', 'on disk a day', kept], rows)}

An answer takes ${round(of.answer)} bytes on disk in all its tables together, an event of behaviour ${round(of.behaviour)} (events made for the measurement: real ones compress less). What is kept has
a row of ${round(figures.stateBytes)} bytes for each customer with it: ${gigabytes(wanted.customers * figures.stateBytes)}.`;
}

/** Cores of one log with its two followers, of its projector and builder; terabytes of ClickHouse on a shard of 8 cores; days of the log that are kept. */
const perLog = { cores: 3 * 2, followerCores: 2 + 2 };
const shard = { terabytes: 8, cores: 8 };
const logDays = 30;

function costs(figures: Figures): string {
  const collectors = ((perSecond(1).behaviour * figures.eventIntoLogMicros) / 1e6 / assumed.utilisation) * spare;
  const edge = ((wanted.answersPerSecond * edgeMicros) / 1e6 / assumed.utilisation) * spare;
  const rows = samples.flatMap((sample) =>
    [false, true].map((isPacked) => {
      const { logs, bytesPerDay } = logOf(figures, sample, isPacked);
      const nodeTotal = nodeCount(figures, sample).nodes * nodeCores;
      const kept = keptInTables(figures, sample);
      const shards = Math.ceil(kept / 1e12 / shard.terabytes);
      const clickHouse = Math.max(shards * shard.cores, judgingCores(figures, perSecond(sample).behaviour, 'thrifty'));
      const logCores = logs * (perLog.cores + perLog.followerCores);
      const cores = edge + nodeTotal + collectors + logCores + clickHouse;
      return [
        `${sample * 100} %`,
        isPacked ? 'packed' : 'one fact an event',
        `${round(edge)} + ${nodeTotal} + ${round(collectors)} + ${logCores} + ${round(clickHouse)}`,
        `${round((cores * hoursPerMonth) / 1000)} thousand`,
        `${round((3 * bytesPerDay * logDays) / 1e12)} + ${round(kept / 1e12)} TB`,
      ];
    }),
  );
  const head = [
    'answers recorded',
    'the log',
    'cores: edge + nodes + collectors + logs + ClickHouse',
    'core-hours',
    'disk: logs + ClickHouse',
  ];
  return `${table('### What it costs a month', head, rows)}

The edge: ${edgeMicros} µs a request (assumed). Nodes have ${nodeCores} cores. Collectors: ${round(figures.eventIntoLogMicros)} µs of CPU for an event and its way into the log, of which ${round(figures.eventMicros)} to take it in. A log: three machines of 2
cores, and 4 cores for its projector and builder; ${logDays} days of it are kept, three times. ClickHouse: a shard of ${shard.cores} cores for ${shard.terabytes} TB, or
what increments every ${incrementSeconds.thrifty} s take where no segments ask for answers, whichever is more. In the rows "packed" the projector has to unpack as many facts as before:
one reads some 50,000 events a second today, so these rows hold only when packed facts are read as many times as fast as there are fewer logs.`;
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [
    title,
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}

function gigabytes(bytes: number): string {
  return `${round(bytes / 1e9)} GB`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(2)));
}
