import { requestRebuild } from '#libs/features/projector';
import type { Settings } from '#libs/settings';
import { openWorkbench } from './workbench.js';

const waitMs = 24 * 3600 * 1000;

/** Asks for all tables anew, and waits until they have taken the place of the old ones. */
export async function rebuild(settings: Settings): Promise<void> {
  const bench = await openWorkbench(settings);
  try {
    const began = performance.now();
    const position = await requestRebuild(bench.log, 'cli');
    await bench.analytics.waitFor(position, waitMs);
    console.log(
      `all tables are made anew from the log, up to position ${position}, in ${((performance.now() - began) / 1000).toFixed(1)} s`,
    );
  } finally {
    await bench.close();
  }
}
