/** The same node twice, with the fast path and without, for specs that hold one to the other. */
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
