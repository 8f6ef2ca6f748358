/** The same node twice, with the fast path and without, for specs that hold one to the other. */
import { connect } from 'node:net';
import { type IdSource, idText } from '../../ids.js';
import { type Builder, type Edge, type Folders, makeFolders, startEdge } from '../../testing/edge.js';

/** Ids that follow from a number given before each trial, so that both edges draw the same. */
export class CountedIds implements IdSource {
  readonly bytes = new Uint8Array(16);
  private count = 0;

  constructor(private readonly view = new DataView(new ArrayBuffer(16))) {}

  begin(trial: number): void {
    this.count = trial * 65_536;
  }

  draw(timeMs: number): void {
    this.count += 1;
    this.view.setUint32(0, Math.floor(timeMs / 65_536));
    this.view.setUint16(4, timeMs % 65_536);
    this.view.setUint16(6, 0x7000);
    this.view.setUint32(8, 0x8000_0000);
    this.view.setUint32(12, this.count);
    this.bytes.set(new Uint8Array(this.view.buffer));
  }

  next(timeMs: number): string {
    this.draw(timeMs);
    return idText(this.bytes);
  }
}

export interface TwoEdges {
  readonly fast: Edge;
  readonly common: Edge;
  /** Sets clock and ids of both. */
  begin(trial: number): void;
  close(): Promise<void>;
}

/** Both answer from what `builder` publishes into `folders`. */
export async function startTwoEdges(folders: Folders, builder: Builder): Promise<TwoEdges> {
  const other: Folders = { ...(await makeFolders()), snapshots: folders.snapshots };
  let time = Date.UTC(2026, 10, 23, 11, 30);
  const [fastIds, commonIds] = [new CountedIds(), new CountedIds()];
  const options = { countryHeader: 'CF-IPCountry', clock: () => time };
  const fast = await startEdge(folders, { ...options, fastPath: true, ids: fastIds });
  const common = await startEdge(other, { ...options, fastPath: false, ids: commonIds });
  return {
    fast,
    common,
    begin(trial) {
      time = Date.UTC(2026, 10, 23, 11, 30) + trial * 997;
      fastIds.begin(trial);
      commonIds.begin(trial);
    },
    async close() {
      await fast.close();
      await common.close();
      await builder.publication.close();
      await folders.remove();
      await other.remove();
    },
  };
}

/** How long a server may say nothing before it is taken to wait for more. */
const quietMs = 80;

/**
 * Sends the requests one after the other, each in pieces that are packets of their own and, as a client that does not pipeline, after the answer to the one
 * before. Then waits for the server to close, and says that no more will come when the server is quiet. All that was heard, with the time of day
 * left out.
 */
export function say(edge: Edge, requests: readonly (readonly Buffer[])[]): Promise<string> {
  const { hostname, port } = new URL(edge.url);
  return new Promise((resolve) => {
    const heard: Buffer[] = [];
    let wake: () => void = () => undefined;
    const answered = () =>
      new Promise<void>((done) => {
        const timer = setTimeout(done, quietMs);
        wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    const send = async () => {
      for (const pieces of requests) {
        const answer = answered();
        for (const piece of pieces) {
          if (socket.destroyed) return;
          socket.write(piece);
          await new Promise(setImmediate);
          await new Promise(setImmediate);
        }
        await answer;
      }
      await answered();
      socket.end();
    };
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => void send());
    socket.on('data', (chunk) => {
      heard.push(chunk);
      wake();
    });
    // A server that closes while more is being sent breaks the connection; what it said before is what counts.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      wake();
      resolve(withoutTime(Buffer.concat(heard).toString('latin1')));
    });
  });
}

function withoutTime(text: string): string {
  return text.replaceAll(/^Date: [A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT\r$/gm, 'Date: now\r');
}
