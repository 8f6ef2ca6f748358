import { setTimeout as sleep } from 'node:timers/promises';
import { type Analytics, AnalyticsUnavailable, NotYet } from '#libs/analytics';
import type { CustomerKeys } from '#libs/customer-keys';
import { type BehaviourFact, type BehaviourType, eventTypeOf, messageKey, parseProperties } from '#libs/domain';
import type { EventLog, JsonObject, Position } from '#libs/event-log';
import { type FactQueue, type SpooledFact, SpoolFull } from '#libs/spool';
import { KeySet } from './key-set.js';
import type { ImportMapping } from './mapping.js';
import { type GroupLimits, groupLimits, OpenGroups, type RowGroup } from './open-groups.js';
import { messageIdOf, reasonOf } from './read-row.js';
import { type FileRow, readRows } from './read-rows.js';
import { RejectsFile } from './rejects-file.js';
import { sealFact } from './seal-emails.js';
import type { RejectReason } from './table.js';

/** In rows; read = imported + duplicate + rejected + skipped once the import is done (before, rows of open groups are read only). */
export interface ImportCounts {
  readonly read: number;
  readonly imported: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly skipped: number;
}

export interface ImportReport extends ImportCounts {
  readonly rejectedBecause: Readonly<Partial<Record<RejectReason, number>>>;
  /** Events that these rows became, by type. */
  readonly events: Readonly<Partial<Record<BehaviourType, number>>>;
  /** By how many days `"shift": "endsToday"` moved all times. */
  readonly shiftDays: number;
  /** Of the last event in the log; null: none was added. */
  readonly position: Position | null;
}

export interface ImportPorts {
  readonly facts: FactQueue;
  readonly analytics: Pick<Analytics, 'seenMessages' | 'waitFor'>;
  readonly log: Pick<EventLog, 'lastPosition'>;
  readonly keys: Pick<CustomerKeys, 'obtain'>;
}

export interface ImportRun {
  readonly client: { readonly clientId: string; readonly currency: string };
  /** The same for a run that goes on after a crash: what it put before counts as imported, not as a repeat. */
  readonly importId: string;
  readonly mapping: ImportMapping;
  /** It is read from the beginning, twice for `shift`. */
  readonly file: string;
  /** When the import was first started: "today" of `shift`. */
  readonly startedAt: Date;
  /** Where rejected rows are written, one JSON object per line: `line`, `reason`, `message`; null: nowhere. */
  readonly rejectsFile: string | null;
  readonly onProgress?: (counts: ImportCounts) => void;
  /** Told each time that the tables were not there, or behind, for a while; the run waits on. */
  readonly onWait?: (cause: Error) => void;
  readonly signal?: AbortSignal;
  readonly limits?: GroupLimits;
}

const dayMs = 86_400_000;
/** Messages that are looked up in the tables, and put into the spool, at once. */
const messagesPerLookup = 4000;
const factsPerPut = 500;
/** So many puts may wait for the log: an import never fills the spool that `/e` needs. */
const putsUnderWayMax = 4;

/**
 * Imports a file: rows → facts → spool → log. Rows that the file or the tables have already add nothing, so that it can be run again at will.
 * Returns when all facts are in the log.
 * @throws SourceUnreadable, MissingColumns, TooManyOpenGroups; the signal's reason when it is aborted. What was put until then stays.
 */
export async function runImport(run: ImportRun, ports: ImportPorts): Promise<ImportReport> {
  const shiftMs = run.mapping.shift === 'endsToday' ? await shiftToToday(run) : 0;
  // Only what is in the tables can be known as a repeat, and what an interrupted run left in the spool belongs to this import.
  await abortable(ports.facts.drained(), run.signal);
  const before = await ports.log.lastPosition();
  if (before !== null) await untilAnswered(() => ports.analytics.waitFor(before, 30_000), run);
  const rejects = await RejectsFile.open(run.rejectsFile);
  try {
    const importer = new Importer(run, ports, rejects, shiftMs);
    for await (const rows of readRows(run.file, run.mapping, run.client.currency, run.signal)) await importer.take(rows);
    return await importer.finish();
  } finally {
    await rejects.close();
  }
}

/** One event on its way, with the rows that it comes from. */
interface Message {
  readonly fact: BehaviourFact;
  readonly rows: number;
}

class Importer {
  private readonly counts = { read: 0, imported: 0, duplicate: 0, rejected: 0, skipped: 0 };
  private readonly rejectedBecause: Partial<Record<RejectReason, number>> = {};
  private readonly events: Partial<Record<BehaviourType, number>> = {};
  private readonly seen = new KeySet();
  private readonly occurrences = new Map<string, number>();
  private readonly groups: OpenGroups;
  private messages: Message[] = [];
  private readonly underWay: Promise<Position>[] = [];
  private position: Position | null = null;

  constructor(
    private readonly run: ImportRun,
    private readonly ports: ImportPorts,
    private readonly rejects: RejectsFile,
    private readonly shiftMs: number,
  ) {
    this.groups = new OpenGroups(run.limits ?? groupLimits);
  }

  async take(rows: readonly FileRow[]): Promise<void> {
    for (const row of rows) {
      this.counts.read++;
      if (row.kind === 'skipped') this.counts.skipped++;
      else if (row.kind === 'rejected') this.reject([row.line], row.reason, row.message);
      else this.takeRow(row);
      if (this.messages.length >= messagesPerLookup) await this.flush();
    }
    await this.rejects.flush();
    this.run.onProgress?.(this.counts);
  }

  async finish(): Promise<ImportReport> {
    for (const group of this.groups.close()) {
      this.takeGroup(group);
      if (this.messages.length >= messagesPerLookup) await this.flush();
    }
    await this.flush();
    await this.settle(0);
    this.run.onProgress?.(this.counts);
    return {
      ...this.counts,
      rejectedBecause: this.rejectedBecause,
      events: this.events,
      shiftDays: this.shiftMs / dayMs,
      position: this.position,
    };
  }

  private takeRow({ row, read, line }: FileRow & { kind: 'read' }): void {
    const messageId = () => messageIdOf(read.rule, row, (key) => this.occurrence(key));
    if (read.collectKey !== undefined) this.groups.add(read.collectKey, read, line, messageId);
    else this.add({ ...read, type: read.rule.type, messageId: messageId(), lines: [line] });
  }

  /** Each row passed; together they may still be too much for one event. */
  private takeGroup(group: RowGroup): void {
    const parsed = parseProperties(group.type, group.properties, this.run.client.currency);
    if ('code' in parsed) this.reject(group.lines, reasonOf(parsed.code), `together: ${parsed.message}`);
    else this.add(group);
  }

  private add({ type, messageId, customerId, sessionId, time, properties, lines }: RowGroup): void {
    if (!this.seen.add(messageId)) {
      this.counts.duplicate += lines.length;
      return;
    }
    const fact = { type, messageId, customerId, sessionId, time: new Date(time + this.shiftMs).toISOString(), properties };
    this.messages.push({ fact, rows: lines.length });
  }

  private occurrence(key: string): number {
    const occurrence = this.occurrences.get(key) ?? 0;
    this.occurrences.set(key, occurrence + 1);
    return occurrence;
  }

  private reject(lines: readonly number[], reason: RejectReason, message: string): void {
    this.counts.rejected += lines.length;
    this.rejectedBecause[reason] = (this.rejectedBecause[reason] ?? 0) + lines.length;
    for (const line of lines) this.rejects.add({ line, reason, message });
  }

  /** Looks the messages up, and puts those that are new. */
  private async flush(): Promise<void> {
    const messages = this.messages;
    if (messages.length === 0) return;
    this.messages = [];
    const { clientId } = this.run.client;
    const keys = messages.map(({ fact }) => messageKey(fact.type, fact.messageId));
    const known = await untilAnswered(() => this.ports.analytics.seenMessages(clientId, keys), this.run);
    const fresh: SpooledFact[] = [];
    for (const [index, { fact, rows }] of messages.entries()) {
      const earlier = known.get(keys[index] ?? '');
      if (earlier !== undefined && earlier.importId !== this.run.importId) {
        this.counts.duplicate += rows;
        continue;
      }
      this.counts.imported += rows;
      this.events[fact.type] = (this.events[fact.type] ?? 0) + 1;
      if (earlier === undefined) fresh.push(await this.spooled(fact));
    }
    for (let at = 0; at < fresh.length; at += factsPerPut) await this.put(fresh.slice(at, at + factsPerPut));
    this.run.onProgress?.(this.counts);
  }

  private async spooled(fact: BehaviourFact): Promise<SpooledFact> {
    const { clientId } = this.run.client;
    const data = await sealFact(fact, clientId, this.ports.keys);
    return {
      category: 'behaviour',
      clientId,
      type: eventTypeOf(fact.type),
      data: data as unknown as JsonObject,
      metadata: { importId: this.run.importId },
    };
  }

  private async put(facts: readonly SpooledFact[]): Promise<void> {
    await this.settle(putsUnderWayMax - 1);
    for (;;) {
      this.run.signal?.throwIfAborted();
      try {
        const receipt = await abortable(this.ports.facts.put(facts), this.run.signal);
        const appended = receipt.appended();
        // Awaited by settle(); should another put fail first, this one's failure must not end the process.
        appended.catch(() => undefined);
        this.underWay.push(appended);
        return;
      } catch (error) {
        if (!(error instanceof SpoolFull) || this.ports.facts.status.queued === 0) throw error;
        await sleep(200);
      }
    }
  }

  /** Waits until at most so many puts are not in the log yet. */
  private async settle(remaining: number): Promise<void> {
    while (this.underWay.length > remaining) {
      const position = await abortable(this.underWay[0] as Promise<Position>, this.run.signal);
      this.underWay.shift();
      this.position = position;
    }
  }
}

/** The whole days that bring the newest row to today, in milliseconds: the most that leaves none after the import's start. */
async function shiftToToday(run: ImportRun): Promise<number> {
  let newest = Number.NEGATIVE_INFINITY;
  for await (const rows of readRows(run.file, run.mapping, run.client.currency, run.signal)) {
    for (const row of rows) if (row.kind === 'read' && row.read.time > newest) newest = row.read.time;
  }
  return newest === Number.NEGATIVE_INFINITY ? 0 : Math.floor((run.startedAt.getTime() - newest) / dayMs) * dayMs;
}

/** The tables may be away or behind for as long as it takes: an import waits. */
async function untilAnswered<T>(ask: () => Promise<T>, { signal, onWait }: Pick<ImportRun, 'signal' | 'onWait'>): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await abortable(ask(), signal);
    } catch (error) {
      if (!(error instanceof AnalyticsUnavailable || error instanceof NotYet)) throw error;
      onWait?.(error);
      await sleep(500);
    }
  }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
