import { expect, it } from '@jest/globals';
import { inDeployment } from '../in-deployment.js';
import { System, vitrine } from '../system.js';
import { commandsSuite } from './commands.suite.js';

inDeployment('in one process', () => System.start(), commandsSuite);

it('vitrine lists the settings', async () => {
  const ended = await vitrine(['config'], { VITRINE_EDGE_PORT: '9999', VITRINE_SECRET: 'a long enough secret' });
  expect(ended.code).toBe(0);
  expect(ended.stdout).toContain('VITRINE_EDGE_PORT=9999');
  expect(ended.stdout).not.toContain('a long enough secret');
});
