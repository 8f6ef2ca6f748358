import { describe, expect, it } from '@jest/globals';
import { rejected } from '../decider.js';
import { given } from '../testing/given.js';
import { expectGolden, goldenFiles } from '../testing/golden.js';
import { type ImportEvent, importDecider, importStream, mappingLengthMax } from './import.js';
import { importCodec } from './import-codec.js';

const details = {
  importId: 'i1',
  uploadId: 'u1',
  fileName: 'orders.csv',
  mapping: { format: 'csv' },
  startedAt: '2026-11-23T08:00:00.000Z',
};
const start = { type: 'StartImport', clientId: 'golf', ...details } as const;
const started: ImportEvent = { type: 'ImportStarted', ...details };
const rows = { read: 1, imported: 1, duplicate: 0, rejected: 0, skipped: 0 };
const outcome = { ...rows, rejectedBecause: [], events: [], shiftDays: 0 };
const imported: ImportEvent = { type: 'RecordsImported', ...outcome };
const failed: ImportEvent = { type: 'ImportFailed', code: 'SOURCE_UNREADABLE', message: 'cut short', ...rows };
const refused = (code: string, ...field: string[]) => rejected(code, '', field.length > 0 ? field : undefined);

describe('an import', () => {
  it('starts once', () => {
    given(importDecider, []).when(start).then([started]);
    for (const events of [[started], [started, imported], [started, failed]]) {
      given(importDecider, events).when(start).then(refused('IMPORT_EXISTS', 'importId'));
    }
  });

  it('ends once: done or failed, whatever is said again', () => {
    const finish = { type: 'FinishImport', ...outcome } as const;
    const fail = { type: 'FailImport', code: 'SOURCE_UNREADABLE', message: 'cut short', ...rows } as const;
    given(importDecider, [started]).when(finish).then([imported]);
    given(importDecider, [started]).when(fail).then([failed]);
    for (const command of [finish, fail]) {
      given(importDecider, [started, imported]).when(command).then([]);
      given(importDecider, [started, failed]).when(command).then([]);
      given(importDecider, []).when(command).then(refused('IMPORT_UNKNOWN'));
    }
  });

  it('refuses ids of another form, and endless mappings', () => {
    given(importDecider, [])
      .when({ ...start, clientId: 'a/b' })
      .then(refused('ID_INVALID', 'clientId'));
    given(importDecider, [])
      .when({ ...start, importId: '../x' })
      .then(refused('ID_INVALID', 'importId'));
    given(importDecider, [])
      .when({ ...start, mapping: { format: 'x'.repeat(mappingLengthMax) } })
      .then(refused('MAPPING_INVALID', 'mapping'));
  });

  it('has a stream of its own', () => expect(importStream('golf', 'i1')).toBe('import-golf.i1'));
});

describe('what is stored of imports', () => {
  it.each(goldenFiles(import.meta.url))('reads and writes %s', (name) => expectGolden(importCodec, import.meta.url, name));

  it('leaves the events of other concepts alone', () => {
    expect(importCodec.decode({ type: 'PageViewed', schema: 9, data: {} })).toBeUndefined();
  });
});
