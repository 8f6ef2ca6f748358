import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectAnswersByItsWay } from '../fast-path.js';
import { System, until } from '../system.js';

/** The disk of everything fills up: answers go on, what cannot be kept is refused, and what was accepted is there when there is room again. */
describe('while the disk is full', () => {
  const clientId = 'golf';
  let root: string;
  let system: System;

  beforeAll(async () => {
    // A small file system that fills up; mounting takes root, which the machine of these tests gives.
    root = mkdtempSync(join(tmpdir(), 'vitrine-full-'));
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=300m', 'tmpfs', root], { encoding: 'utf8' }).stderr).toBe('');
    system = await System.start({ VITRINE_DATA: join(root, 'data') });
    await system.command('registerClient', 'RegisterClientInput!', { clientId, name: 'Golf' });
    await system.command('registerContent', 'RegisterContentInput!', { clientId, contentId: 'welcome', type: 'TEXT', body: 'Welcome!' });
    await system.command('createCampaign', 'CreateCampaignInput!', {
      clientId,
      campaignId: 'home',
      name: 'Home',
      defaultContentId: 'welcome',
    });
    const { position } = await system.command('startCampaign', 'CampaignInput!', { clientId, campaignId: 'home' });
    await system.live(clientId, position, 'PLAYBOOK');
  });
  afterAll(async () => {
    await system?.dispose();
    spawnSync('umount', [root]);
    rmSync(root, { recursive: true, force: true });
  });

  let sent = 0;
  const accepted: string[] = [];
  /** One event, with an address for a new key, sent as a page does; the status. */
  const send = async () => {
    const messageId = `m${sent++}`;
    const item = { type: 'Email Provided', messageId, customerId: `c-${messageId}`, properties: { email: 'a@b.example' } };
    const response = await fetch(`${system.edge}/e/${clientId}`, { method: 'POST', body: JSON.stringify({ batch: [item] }) });
    const body = (await response.json()) as { accepted?: number; code?: string };
    if (response.status === 202) {
      expect(body.accepted).toBe(1);
      accepted.push(messageId);
    }
    return { status: response.status, code: body.code };
  };
  const ask = async () => expect(await system.decide(clientId, 'home', { c: 'ann' })).toMatchObject({ content: { contentId: 'welcome' } });

  it('answers go on, and events are refused for later', async () => {
    for (let n = 0; n < 20; n++) expect(await send()).toMatchObject({ status: 202 });
    fill(join(root, 'ballast'));
    const refused: { status: number; code: string | undefined }[] = [];
    await until('events are refused', 20_000, async () => {
      await ask();
      const outcome = await send();
      if (outcome.status !== 202) refused.push(outcome);
      // What was freed by the moment is taken again.
      fill(join(root, `ballast-${sent}`));
      return refused.length >= 20;
    });
    for (const { status, code } of refused) expect([status, code]).toEqual([503, expect.stringMatching(/^SPOOL_FULL$|_UNAVAILABLE$/)]);
    const definition = { clientId, segmentId: 's1', name: 'S', criteria: { all: [] } };
    const written = await system.graphql(
      'mutation ($input: DefineSegmentInput!) { defineSegment(input: $input) { position userErrors { code } } }',
      { input: definition },
    );
    expect(written.errors?.[0]?.extensions.code ?? 'written').toMatch(/^(EVENT_LOG_UNAVAILABLE|written)$/);
    await ask();
  });

  it('and all that was accepted is there once when there is room again', async () => {
    expect(spawnSync('sh', ['-c', `rm ${join(root, 'ballast')}*`]).status).toBe(0);
    await until('events are taken', 20_000, async () => (await send()).status === 202);
    const last = await system.behave(clientId, [{ type: 'Page Viewed', messageId: 'last', customerId: 'last', properties: {} }], {
      wait: true,
    });
    await system.live(clientId, last.position, 'AUDIENCE');
    const rows = await system.select(`SELECT message_id AS id FROM behaviour WHERE client_id = '${clientId}' AND type = 'Email Provided'`);
    const there = rows.map(({ id }) => id as string);
    expect(new Set(there).size).toBe(there.length);
    expect(there).toEqual(expect.arrayContaining(accepted));
    await ask();
    expect((await fetch(`${system.admin}/health/ready`)).status).toBe(200);
    await expectAnswersByItsWay(system);
    expect(await system.stop()).toBe(0);
  });
});

/** Takes all the room that is left. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let bytes = 1024 * 1024; bytes >= 512; ) {
      try {
        if (writeSync(file, Buffer.alloc(bytes)) === 0) bytes = 0;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        bytes >>= 1;
      }
    }
  } finally {
    closeSync(file);
  }
}
