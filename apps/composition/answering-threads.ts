/** The further threads of a content-query process: VITRINE_WORKERS (docs/adr/0043). */
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Gauge } from 'prom-client';
import type { ReadinessCheck } from '#libs/features/ops';
import type { Settings } from '#libs/settings';
import { type ImageLoading, offerLoading, offerPublication, type SharedPublication } from '#libs/snapshots';
import { type Conversation, canMoveConnections, converse, type Seat, SharedPort } from '#libs/threads';
import type { ProcessFrame } from './frame.js';
import { StartRefused } from './free-port.js';
import type { SentMetrics } from './joint-metrics.js';

/** What such a thread is started with. */
export interface ThreadData {
  /** `<node>-w2`, …: names its spool and its streams. */
  readonly nodeId: string;
  readonly settings: Settings;
  /** Of the snapshots that the first thread keeps. */
  readonly cacheFolder: string;
  readonly seat: Seat;
  readonly ports: { readonly control: MessagePort; readonly loading: MessagePort; readonly publication: MessagePort };
}

/** What a thread answers. */
export type ThreadAnswers = {
  metrics(): Promise<SentMetrics>;
  ready(): Promise<true | string>;
};

/** What it asks of the first. */
export type FirstThreadAnswers = {
  /** It can take connections. */
  up(): void;
  /** Whether the whole process can answer. */
  ready(): Promise<true | string>;
  /** It has closed, and ends: `problems`, one text each, of what could not be closed as it should. */
  ended(problems: readonly { readonly code: string | undefined; readonly message: string }[]): void;
};

interface Thread {
  readonly name: string;
  readonly worker: Worker;
  readonly conversation: Conversation<ThreadAnswers>;
  readonly up: Promise<void>;
  readonly gone: Promise<void>;
  isUp: boolean;
}

/** A thread's node: its spool's folder, and its part of the names of streams. */
export const nodeOfThread = (nodeId: string, number: number): string => `${nodeId}-w${number}`;

export interface AnsweringThreadsOptions {
  /** Of a thread. */
  readonly program: URL;
  /** As the threads have them, with their share of what is for the whole process. */
  readonly settings: Settings;
  readonly loading: ImageLoading;
  readonly publication: SharedPublication;
}

/** Threads beside the first, which started them. One that ends before it is asked to ends the process: it is started again as a whole. */
export class AnsweringThreads {
  private threads: readonly Thread[] = [];
  private stopping: Promise<void> | undefined;
  /** Of threads that did not close as they should when they were asked to. */
  private readonly problems: unknown[] = [];
  private own: ReadinessCheck = { name: 'snapshots', check: () => 'the first thread does not answer yet' };

  private constructor(
    private readonly frame: ProcessFrame,
    private readonly port: SharedPort,
  ) {}

  /** Starts all but the first of VITRINE_WORKERS; `up` says when they can take connections. @throws StartRefused where threads cannot share a port. */
  static async start(frame: ProcessFrame, options: AnsweringThreadsOptions): Promise<AnsweringThreads> {
    const count = frame.settings.VITRINE_WORKERS - 1;
    if (!canMoveConnections()) throw new StartRefused(`VITRINE_WORKERS: Node ${process.version} on ${process.platform} has to be given 1`);
    const port = await SharedPort.open(count).catch((cause: unknown) => {
      throw new StartRefused(`VITRINE_WORKERS: threads meet in the folder of temporary files (TMPDIR): ${textOf(cause)}`, { cause });
    });
    const started = new AnsweringThreads(frame, port);
    frame.closing.add(() => started.stop());
    started.threads = port.seats.map((seat) => started.startOne(seat, options));
    new Gauge({
      name: 'vitrine_worker_connections',
      help: 'Open connections of each thread that answers, from 1.',
      labelNames: ['worker'],
      registers: [frame.registry],
      collect() {
        for (const [index, open] of port.open.entries()) this.set({ worker: index + 1 }, open);
      },
    });
    return started;
  }

  /** When all can take connections. @throws what kept one from it. */
  async up(): Promise<void> {
    await Promise.all(this.threads.map(({ up }) => up));
  }

  /** The server's connections go to all threads from here on; it listens, and `up` has resolved. */
  share(server: Server): Promise<void> {
    return this.port.share(server);
  }

  /** One check for all: that of the first thread, and what the others say. */
  readyWith(own: ReadinessCheck): ReadinessCheck {
    this.own = own;
    return { name: own.name, check: () => this.ready() };
  }

  async metrics(): Promise<readonly SentMetrics[]> {
    return Promise.all(this.threads.map(({ conversation }) => conversation.ask('metrics')));
  }

  /** Each answers what is under way, and puts what it recorded on the disk. @throws, when all have ended, what kept the first from that. */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    await this.port.end();
    await Promise.all(
      this.threads.map(async ({ worker, gone, isUp }) => {
        // One that is still starting has taken nothing in.
        if (!isUp) await worker.terminate();
        await gone;
      }),
    );
    if (this.problems.length > 0) throw this.problems[0];
  }

  private async ready(): Promise<true | string> {
    const own = await this.own.check();
    if (own !== true) return own === false ? 'not ready' : own;
    const others = await Promise.all(
      this.threads.map(async ({ name, conversation }) => {
        const answer = await conversation.ask('ready');
        return answer === true ? true : `${name}: ${answer}`;
      }),
    );
    return others.find((answer) => answer !== true) ?? true;
  }

  private startOne(seat: Seat, { program, settings, loading, publication }: AnsweringThreadsOptions): Thread {
    const { frame } = this;
    const number = seat.index + 2;
    const name = `worker ${number}`;
    const [control, images, snapshots] = [new MessageChannel(), new MessageChannel(), new MessageChannel()];
    const ports = { control: control.port2, loading: images.port2, publication: snapshots.port2 };
    const nodeId = nodeOfThread(frame.nodeId, number);
    const data: ThreadData = { nodeId, settings, cacheFolder: frame.folder.cacheOf(frame.nodeId), seat, ports };
    offerLoading(loading, images.port1);
    offerPublication(publication.of(number - 1), snapshots.port1);
    const worker = new Worker(fileURLToPath(program), { workerData: data, transferList: Object.values(ports) });
    let [isUp, failed]: [() => void, (reason: unknown) => void] = [() => undefined, () => undefined];
    const up = new Promise<void>((resolve, reject) => {
      [isUp, failed] = [resolve, reject];
    });
    // Thrown where it is waited for; a process that stops before does not wait.
    up.catch(() => undefined);
    let [hasEnded, hasFailed] = [false, false];
    const answers: FirstThreadAnswers = {
      up: () => {
        // One that comes too late is ended as it is.
        thread.isUp = this.stopping === undefined;
        isUp();
      },
      ready: () => this.ready(),
      ended: (problems) => {
        hasEnded = true;
        for (const { code, message } of problems) {
          const error = Object.assign(new Error(thread.isUp ? `${name}: ${message}` : message), { code });
          if (!thread.isUp) failed(error);
          else if (this.stopping === undefined) frame.report('a thread was not closed as it should', error);
          else this.problems.push(error);
        }
      },
    };
    const gone = new Promise<void>((resolve) => {
      const fail = (reason: unknown) => {
        if (hasFailed) return;
        hasFailed = true;
        failed(reason);
        if (!thread.isUp) return;
        if (this.stopping === undefined) frame.fatal(reason);
        else this.problems.push(reason);
      };
      worker.once('error', fail);
      worker.once('exit', (code) => {
        if (!(hasEnded && this.stopping !== undefined)) fail(new Error(`${name} ended with exit code ${code}`));
        resolve();
      });
    });
    const thread: Thread = { name, worker, conversation: converse<ThreadAnswers>(control.port1, answers), up, gone, isUp: false };
    return thread;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
