import { expect, it } from '@jest/globals';
import { killRounds } from './testing/kill-rounds.js';

// The seed of a failure is in its output: VITRINE_TEST_SEED repeats it.
const seed = Number(process.env['VITRINE_TEST_SEED'] ?? Date.now() % 2 ** 31);

it(`fifty kills of projector and ClickHouse leave the rows of a plain fold of the log (seed ${seed})`, async () => {
  const { expected, actual, rebuilt, kills } = await killRounds({ seed, rounds: 50, eventsPerRound: 1_500 });
  expect(kills.projector + kills.clickHouse).toBeGreaterThanOrEqual(50);
  expect(kills.projector).toBeGreaterThan(5);
  expect(kills.clickHouse).toBeGreaterThan(5);
  expect(actual).toEqual(expected);
  expect(rebuilt).toEqual(expected);
});
