import { expect } from '@jest/globals';
import { type Deployment, everywhere } from './system.js';

/** The queries that this deployment answered since its start went the way that its setting says: by the fast path, or none by it. */
export async function expectAnswersByItsWay(system: Deployment): Promise<void> {
  expect(await system.metric('vitrine_answers_total')).toBeGreaterThan(0);
  const fast = await system.metric('vitrine_fast_path_answers_total');
  const handedOver = await system.metric('vitrine_fast_path_handed_over_total');
  if (everywhere['VITRINE_FAST_PATH'] === 'off') expect({ fast, handedOver }).toEqual({ fast: 0, handedOver: 0 });
  else expect(fast).toBeGreaterThan(0);
}
