import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openFileLog } from '#libs/event-log/file';
import { openSpool, type SpoolReport } from './spool.js';

it('forwards what a former version left (segments VTS1; frames VTF1, and VTF2 of a form)', async () => {
  const root = await mkdtemp(join(tmpdir(), 'vitrine-former-'));
  await cp('libs/spool/testing/former-version', join(root, 'spool'), { recursive: true });
  const log = await openFileLog({ folder: join(root, 'log') });
  const reports: SpoolReport[] = [];
  const forms = {
    numbers: (bytes: Buffer) =>
      [0, 64].map((at) => ({
        category: 'served' as const,
        clientId: 'golf',
        type: 'ContentServed',
        dataJson: `{"n":${bytes.readUInt32LE(at)}}`,
      })),
  };
  const spool = await openSpool({ folder: join(root, 'spool'), node: 'n1', log, forms, onReport: (report) => reports.push(report) });
  expect(spool.status.queued).toBe(6);
  await spool.put([{ category: 'behaviour', clientId: 'golf', type: 'PageViewed', data: { n: 6 } }]);
  await spool.drained();
  await spool.close();
  const events = [];
  for await (const event of log.readAll({ after: null })) events.push(event);
  events.sort((a, b) => Number(a.data.n) - Number(b.data.n));
  expect(events.map(({ data }) => data.n)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(events[1]).toMatchObject({
    data: { text: 'ü"\\' },
    metadata: { schema: 1, clientId: 'golf', actor: 'node:n1', node: 'n1', importId: 'i7' },
  });
  expect(events[3]).toMatchObject({ type: 'PageViewed', metadata: { clientId: 'tea' } });
  expect(events[5]).toMatchObject({ type: 'ContentServed', metadata: { clientId: 'golf' } });
  // Of one spool: its epoch has been kept.
  expect(new Set(events.map(({ id }) => id.slice(0, 18))).size).toBe(1);
  expect(reports).toEqual([]);
  await log.close();
  await rm(root, { recursive: true });
});
