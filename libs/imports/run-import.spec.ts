import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseMapping } from './parse-mapping.js';
import { type ImportRun, runImport } from './run-import.js';
import { memoryPorts } from './testing/memory-ports.js';

const rules = [
  {
    when: { column: 'kind', equals: 'view' },
    type: 'Product Viewed',
    customerId: 'who',
    time: { column: 'at', format: 'iso' },
    messageId: ['id'],
    properties: { product_id: 'what' },
  },
  {
    when: { column: 'kind', equals: 'line' },
    type: 'Order Completed',
    customerId: 'who',
    time: { column: 'at', format: 'iso' },
    collectBy: 'id',
    messageId: ['id', 'who'],
    properties: { order_id: 'id', coupon: 'coupon', products: [{ product_id: 'what', price: 'cost' }] },
  },
  {
    when: { column: 'kind', equals: 'mail' },
    type: 'Email Provided',
    customerId: 'who',
    time: { column: 'at', format: 'iso' },
    properties: { email: 'what' },
  },
];
const header = 'kind,id,who,at,what,cost,coupon';
const at = '2026-03-01T10:00:00Z';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-import-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function importOf(content: string | Buffer, mapping: object = {}, change: Partial<ImportRun> = {}): ImportRun {
  const file = join(folder, 'file');
  writeFileSync(file, content);
  const parsed = parseMapping({ format: 'csv', rows: rules, ...mapping });
  if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors));
  return {
    client: { clientId: 'golf', currency: 'USD' },
    importId: 'first',
    mapping: parsed.mapping,
    file,
    startedAt: new Date('2026-11-23T12:00:00Z'),
    rejectsFile: join(folder, 'rejects.jsonl'),
    ...change,
  };
}
const rejects = () =>
  readFileSync(join(folder, 'rejects.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { line: number; reason: string });
const lines = (...rows: string[]) => [header, ...rows, ''].join('\n');

describe('an import', () => {
  it('of an empty file, of a header alone, of a byte order mark, is nothing', async () => {
    for (const content of ['', header, `\ufeff${header}\r\n`, '\ufeff', gzipSync('')]) {
      const ports = memoryPorts();
      const { read, imported, position } = await runImport(importOf(content), ports);
      expect({ read, imported, position, recorded: ports.recorded }).toEqual({ read: 0, imported: 0, position: null, recorded: [] });
    }
  });

  it('makes facts with who, when, what, and the import', async () => {
    const ports = memoryPorts();
    const report = await runImport(importOf(`\ufeff${lines(`view,v1,zoë,${at},p1,,`)}`), ports);
    expect(report).toEqual({
      read: 1,
      imported: 1,
      duplicate: 0,
      rejected: 0,
      skipped: 0,
      rejectedBecause: {},
      events: { 'Product Viewed': 1 },
      shiftDays: 0,
      position: 1n,
    });
    expect(ports.recorded).toEqual([
      {
        category: 'behaviour',
        clientId: 'golf',
        type: 'ProductViewed',
        metadata: { importId: 'first' },
        data: {
          type: 'Product Viewed',
          messageId: expect.stringMatching(/^[0-9a-f]{64}$/),
          customerId: 'zoë',
          sessionId: null,
          time: '2026-03-01T10:00:00.000Z',
          properties: { product_id: 'p1' },
        },
      },
    ]);
  });

  it('rows of one group become one event, apart or not; the earliest time, the first values', async () => {
    const ports = memoryPorts();
    const report = await runImport(
      importOf(
        lines(
          `line,o1,a,2026-03-02T00:00:00Z,p1,1.00005,`,
          `view,v1,a,${at},p9,,`,
          `line,o1,b,${at},p2,2,`,
          `line,o1,a,2026-03-01T00:00:00Z,p3,3,TEN`,
          `line,o1,a,nonsense,p3,3,`,
          `line,,a,${at},p4,4,`,
          `line,,a,${at},p5,5,`,
        ),
      ),
      ports,
    );
    expect(report).toMatchObject({
      read: 7,
      imported: 5,
      duplicate: 1,
      rejected: 1,
      rejectedBecause: { time: 1 },
      events: { 'Order Completed': 3 },
    });
    const orders = ports.recorded.filter((fact) => fact.type === 'OrderCompleted').map((fact) => [fact.data.time, fact.data.properties]);
    expect(orders).toEqual([
      ['2026-03-01T10:00:00.000Z', { products: [{ product_id: 'p4', price: '4' }] }],
      [
        '2026-03-01T00:00:00.000Z',
        {
          order_id: 'o1',
          coupon: 'TEN',
          products: [
            { product_id: 'p1', price: '1.0001' },
            { product_id: 'p3', price: '3' },
          ],
        },
      ],
      ['2026-03-01T10:00:00.000Z', { order_id: 'o1', products: [{ product_id: 'p2', price: '2' }] }],
    ]);
  });

  it('run again adds nothing; with what is new it adds that', async () => {
    const ports = memoryPorts();
    const content = lines(`view,v1,a,${at},p1,,`, `line,o1,a,${at},p1,1,`, `mail,m,a,${at},a@b.example,,`, `mail,m,a,${at},a@b.example,,`);
    expect(await runImport(importOf(content), ports)).toMatchObject({ imported: 4, duplicate: 0 });
    expect(await runImport(importOf(content, {}, { importId: 'second' }), ports)).toMatchObject({
      imported: 0,
      duplicate: 4,
      position: null,
    });
    const more = `${content}view,v2,a,${at},p1,,\n`;
    expect(await runImport(importOf(gzipSync(more), {}, { importId: 'third' }), ports)).toMatchObject({
      read: 5,
      imported: 1,
      duplicate: 4,
    });
    expect(ports.recorded.length).toBe(5);
  });

  it('that was cut reports, once gone on, what an unbroken one would', async () => {
    const content = lines(...Array.from({ length: 5000 }, (_, n) => `view,v${n % 4500},a,${at},p1,,`), `line,o1,a,${at},p1,1,`);
    const whole = memoryPorts();
    const wanted = await runImport(importOf(content), whole);
    for (const cutAfter of [1, 5, 8]) {
      const ports = memoryPorts();
      let puts = 0;
      const cut = {
        ...ports,
        facts: {
          ...ports.facts,
          put: async (facts: Parameters<typeof ports.facts.put>[0]) => {
            if (++puts > cutAfter) throw new Error('killed');
            return ports.facts.put(facts);
          },
        },
      };
      await expect(runImport(importOf(content), cut)).rejects.toThrow('killed');
      expect({ ...(await runImport(importOf(content), ports)), position: null }).toEqual({ ...wanted, position: null });
      expect(ports.recorded).toEqual(whole.recorded);
    }
  });

  it('waits while the spool is full', async () => {
    const ports = memoryPorts();
    ports.fullFor = 2;
    expect(await runImport(importOf(lines(`view,v1,a,${at},p1,,`)), ports)).toMatchObject({ imported: 1 });
  });

  it('no address leaves it in clear', async () => {
    const ports = memoryPorts();
    await runImport(
      importOf(
        lines(
          `mail,m,a,${at},secret@b.example,,`,
          `mail,m,,${at},secret@b.example,,`,
          `mail,m,a,never,secret@b.example,,`,
          'secret@b.example',
        ),
      ),
      ports,
    );
    expect(ports.recorded.length).toBe(1);
    expect(JSON.stringify(ports.recorded)).toContain('email_sealed');
    expect(JSON.stringify(ports.recorded) + readFileSync(join(folder, 'rejects.jsonl'), 'utf8')).not.toContain('secret');
    expect(rejects().map(({ line, reason }) => [line, reason])).toEqual([
      [3, 'customer'],
      [4, 'time'],
      [5, 'columns'],
    ]);
  });

  it('shift brings the newest row to today, and the same again', async () => {
    const content = lines(`view,v1,a,2026-03-01T12:00:00Z,p1,,`, `view,v2,a,2026-03-02T12:00:00.001Z,p1,,`);
    const times = async (startedAt: string) => {
      const ports = memoryPorts();
      const { shiftDays } = await runImport(importOf(content, { shift: 'endsToday' }, { startedAt: new Date(startedAt) }), ports);
      return [shiftDays, ...ports.recorded.map((fact) => fact.data.time)];
    };
    expect(await times('2026-11-23T12:00:00Z')).toEqual([265, '2026-11-21T12:00:00.000Z', '2026-11-22T12:00:00.001Z']);
    expect(await times('2026-11-23T12:00:00.001Z')).toEqual([266, '2026-11-22T12:00:00.000Z', '2026-11-23T12:00:00.001Z']);
    expect(await times('2026-03-01T13:00:00Z')).toEqual([-1, '2026-02-28T12:00:00.000Z', '2026-03-01T12:00:00.001Z']);
  });

  it('stops at too many open groups, and says which limit', async () => {
    const content = lines(...Array.from({ length: 5 }, (_, n) => `line,o${n},a,${at},p1,1,`));
    const limits = { openGroupsMax: 4, openGroupCharactersMax: 1e6 };
    await expect(runImport(importOf(content, {}, { limits }), memoryPorts())).rejects.toThrow('openGroupsMax');
    await expect(
      runImport(importOf(content, {}, { limits: { openGroupsMax: 5, openGroupCharactersMax: 500 } }), memoryPorts()),
    ).rejects.toThrow('openGroupCharactersMax');
    expect(await runImport(importOf(content, {}, { limits: { ...limits, openGroupsMax: 5 } }), memoryPorts())).toMatchObject({
      imported: 5,
    });
  });

  it('rows that are too much for one event are rejected together', async () => {
    const long = 'x'.repeat(10_000);
    const content = lines(...Array.from({ length: 60 }, () => `line,o1,a,${at},${long},1,`), `line,o2,a,${at},p1,1,`);
    expect(await runImport(importOf(content), memoryPorts())).toMatchObject({ imported: 1, rejected: 60, rejectedBecause: { size: 60 } });
    expect(rejects().length).toBe(60);
    const sums = lines(`line,o1,a,${at},p,99999999999999,`, `line,o1,a,${at},p,1,`);
    expect(await runImport(importOf(sums), memoryPorts())).toMatchObject({ imported: 0, rejectedBecause: { number: 2 } });
  });

  it('the wrong delimiter, a column that is not there: an error that shows what is', async () => {
    await expect(runImport(importOf(lines('view;v1').replaceAll(',', ';')), memoryPorts())).rejects.toThrow(
      'there is no column "kind"; the columns are "kind;id;who;at;what;cost;coupon"',
    );
  });

  it('gzip that is cut or broken, a file that is not there: an error, with what came before kept', async () => {
    const zipped = gzipSync(lines(...Array.from({ length: 20_000 }, (_, n) => `view,v${n},a,${at},p${(n * 7919) % 10_007},,`)));
    const ports = memoryPorts();
    await expect(runImport(importOf(zipped.subarray(0, zipped.length - 20)), ports)).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' });
    const broken = Buffer.from(zipped);
    broken.fill(0x55, zipped.length / 2, zipped.length / 2 + 100);
    await expect(runImport(importOf(broken), memoryPorts())).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' });
    const kept = ports.recorded.length;
    expect(kept).toBeGreaterThan(0);
    expect(await runImport(importOf(zipped, {}, { importId: 'second' }), ports)).toMatchObject({
      imported: 20_000 - kept,
      duplicate: kept,
    });
    await expect(runImport({ ...importOf(''), file: join(folder, 'absent') }, memoryPorts())).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
    });
  });

  it('hostile bytes cost their rows only', async () => {
    const content = Buffer.concat([
      Buffer.from(`${header}\nview,v1,a\0b,${at},p1,,\nview,v2,`),
      Buffer.from([0xff, 0xfe, 0x80]),
      Buffer.from(`,${at},p1,,\nview,v3,a,${at},p\0,,\n"view,v4,a,${at},p1,,\nview,v5,a,${at},p1,,`),
    ]);
    const ports = memoryPorts();
    expect(await runImport(importOf(content), ports)).toMatchObject({ read: 5, imported: 3, rejectedBecause: { id: 1, columns: 1 } });
    expect(ports.recorded.map((fact) => fact.data.customerId)).toEqual(['\ufffd\ufffd\ufffd', 'a', 'a']);
    await expect(runImport(importOf(Buffer.from([0xff, 0xfe, 0x61, 0x00])), memoryPorts())).rejects.toThrow('UTF-16');
    expect(
      await runImport(importOf(Buffer.from(`\ufeff${lines(`view,v1,a,${at},p1,,`)}`, 'utf16le'), { encoding: 'utf-16le' }), memoryPorts()),
    ).toMatchObject({
      imported: 1,
    });
  });

  it('stops when told to', async () => {
    const stop = new AbortController();
    const run = importOf(lines(`view,v1,a,${at},p1,,`), {}, { signal: stop.signal });
    const ports = memoryPorts();
    const away = { ...ports, facts: { ...ports.facts, put: async () => ({ appended: () => new Promise<never>(() => undefined) }) } };
    const running = runImport(run, away);
    setTimeout(() => stop.abort(new Error('stopping')), 50);
    await expect(running).rejects.toThrow('stopping');
  });

  it('JSON lines, with numbers and members of members', async () => {
    const ports = memoryPorts();
    const mapping = {
      format: 'jsonl',
      rows: [
        {
          type: 'Customer Updated',
          customerId: 'user.id',
          time: { column: 'ts', format: 'epoch_s' },
          properties: { age: 'age', vip: 'vip', tier: { column: 'tier', map: { g: 'gold' }, default: 'none' } },
        },
      ],
    };
    const content =
      '{"user":{"id":12345678901234567890},"ts":1772359200.5,"age":41,"vip":true,"tier":"g"}\n{"user":{"id":"b"},"ts":"1772359200","tier":"x"}\nnope\n{"ts":1}\n';
    expect(await runImport(importOf(content, mapping), ports)).toMatchObject({
      read: 4,
      imported: 2,
      rejectedBecause: { columns: 1, customer: 1 },
    });
    expect(ports.recorded.map((fact) => [fact.data.customerId, fact.data.time, fact.data.properties])).toEqual([
      ['12345678901234567890', '2026-03-01T10:00:00.500Z', { age: 41, vip: true, tier: 'gold' }],
      ['b', '2026-03-01T10:00:00.000Z', { tier: 'none' }],
    ]);
  });
});
