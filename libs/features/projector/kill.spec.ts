import { expect, it } from '@jest/globals';
import { killRounds } from './testing/kill-rounds.js';

it('leaves the rows of a plain fold of the log, whatever is killed and when, also in a rebuild', async () => {
  const { expected, actual, rebuilt } = await killRounds({ seed: 20261123, rounds: 4, eventsPerRound: 900 });
  expect(expected.orders.length).toBeGreaterThan(10);
  expect(expected.dead_letters.length).toBeGreaterThan(0);
  expect(actual).toEqual(expected);
  expect(rebuilt).toEqual(expected);
}, 90_000);
