import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseMapping } from './parse-mapping.js';
import { runImport } from './run-import.js';
import { memoryPorts } from './testing/memory-ports.js';

/** Computed apart from any implementation; it stands beside the clone. */
const shared = resolve('../shared');

interface Answer {
  readonly file: string;
  readonly mapping: string;
  readonly currency: string;
  readonly import: {
    readonly rows: object;
    readonly rejectedBecause: object;
    readonly events: object;
    readonly orderItems: number;
    readonly customers: number;
  };
}

describe('the reference imports', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-imports-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['online-retail', 'retailrocket', 'rees46', 'edge-cases'])(
    '%s: rows, reasons, events, lines and customers as computed',
    async (name) => {
      expect(existsSync(shared)).toBe(true);
      const answers = JSON.parse(readFileSync(join(shared, 'reference/imports/answers.json'), 'utf8')) as Record<string, Answer>;
      const answer = answers[name] as Answer;
      const parsed = parseMapping(JSON.parse(readFileSync(join(shared, answer.mapping), 'utf8')));
      if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors));
      const ports = memoryPorts();
      const started = Date.now();
      const report = await runImport(
        {
          client: { clientId: 'golf', currency: answer.currency },
          importId: 'first',
          mapping: parsed.mapping,
          file: join(shared, answer.file),
          startedAt: new Date(),
          rejectsFile: join(folder, `${name}.jsonl`),
        },
        ports,
      );
      const rowsPerSecond = Math.round((report.read / (Date.now() - started)) * 1000);
      process.stdout.write(`${name}: ${rowsPerSecond} rows/s\n`);
      const { read, imported, duplicate, rejected, skipped, rejectedBecause, events } = report;
      const lines = ports.recorded.flatMap((fact) =>
        fact.type.startsWith('Order') ? ((fact.data.properties as { products?: object[] }).products ?? []) : [],
      );
      expect({
        rows: { read, imported, duplicate, rejected, skipped },
        rejectedBecause,
        events,
        orderItems: lines.length,
        customers: new Set(ports.recorded.map((fact) => fact.data.customerId)).size,
      }).toEqual(answer.import);
      expect(readFileSync(join(folder, `${name}.jsonl`), 'utf8').split('\n').length - 1).toBe(rejected);
    },
  );
});
