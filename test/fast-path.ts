import { expect } from '@jest/globals';
import { type Deployment, everywhere } from './system.js';

/** What this deployment has answered since its start went the way that its setting says: by the fast path, or nothing by it. */
export async function expectAnswersByItsWay(system: Deployment, asked: { behaviour?: true } = {}): Promise<void> {
  expect(await system.metric('vitrine_answers_total')).toBeGreaterThan(0);
  const fast = await system.metric('vitrine_fast_path_answers_total');
  const handedOver = await system.metric('vitrine_fast_path_handed_over_total');
  const collected = await system.metric('vitrine_collect_plain_total');
  if (everywhere['VITRINE_FAST_PATH'] === 'off') expect({ fast, handedOver, collected }).toEqual({ fast: 0, handedOver: 0, collected: 0 });
  else {
    expect(fast).toBeGreaterThan(0);
    if (asked.behaviour) expect(collected).toBeGreaterThan(0);
  }
}
