import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseMapping } from './parse-mapping.js';
import { runImport } from './run-import.js';
import { memoryPorts } from './testing/memory-ports.js';

/** The examples of docs/import.md do what it says they do. */
const page = readFileSync('docs/import.md', 'utf8');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-documentation-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(example: string, currency: string) {
  const at = page.indexOf(`<!-- example: ${example} -->`);
  expect(at).toBeGreaterThan(0);
  const csv = page.slice(0, at).split('```csv\n').at(-1)?.split('```')[0] ?? '';
  const json = page.slice(at).split('```json\n')[1]?.split('```')[0] ?? '';
  const parsed = parseMapping(JSON.parse(json));
  if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors));
  const file = join(folder, 'file.csv');
  writeFileSync(file, csv);
  const ports = memoryPorts();
  const report = await runImport(
    { client: { clientId: 'golf', currency }, importId: 'i', mapping: parsed.mapping, file, startedAt: new Date(), rejectsFile: null },
    ports,
  );
  return { report, recorded: ports.recorded.map(({ data }) => data) };
}

describe('the examples of docs/import.md', () => {
  it('orders', async () => {
    const { report, recorded } = await run('orders', 'EUR');
    expect(report).toMatchObject({ read: 5, imported: 2, rejected: 2, skipped: 1, rejectedBecause: { number: 1, customer: 1 } });
    expect(recorded).toMatchObject([
      {
        type: 'Order Completed',
        customerId: 'ben',
        time: '2026-03-01T09:15:00.000Z',
        properties: { order_id: '1002', total: '15', currency: 'EUR' },
      },
      { type: 'Order Refunded', customerId: 'anna', time: '2026-03-01T10:00:00.000Z', properties: { order_id: '1001', total: '49.9' } },
    ]);
  });

  it('lines', async () => {
    const { report, recorded } = await run('lines', 'EUR');
    expect(report).toMatchObject({ read: 3, imported: 3, events: { 'Order Completed': 2 } });
    expect(recorded[0]).toMatchObject({
      time: '2026-03-01T09:00:00.000Z',
      properties: {
        products: [
          { product_id: 'shoes', quantity: '1', price: '50' },
          { product_id: 'socks', quantity: '3', price: '1' },
        ],
      },
    });
  });
});
