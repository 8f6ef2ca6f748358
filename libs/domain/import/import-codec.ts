import { type Codec, type StoredShape, UnreadableEvent } from '../codec.js';
import type { JsonLike } from '../json.js';
import { StoredFields } from '../stored-fields.js';
import type { ImportEvent } from './import.js';

/** Version 1 is the first and today's shape of all three events. */
export const importCodec: Codec<ImportEvent> = {
  encode({ type, ...data }) {
    return { type, schema: 1, data: data as StoredShape['data'] };
  },

  decode(stored) {
    switch (stored.type) {
      case 'ImportStarted': {
        const fields = StoredFields.of(stored);
        return {
          type: 'ImportStarted',
          importId: fields.string('importId'),
          uploadId: fields.string('uploadId'),
          fileName: fields.string('fileName'),
          mapping: mappingOf(stored),
          startedAt: fields.string('startedAt'),
        };
      }
      case 'RecordsImported': {
        const fields = StoredFields.of(stored);
        return {
          type: 'RecordsImported',
          ...rowsOf(fields),
          rejectedBecause: fields.list('rejectedBecause', (each) => ({ reason: each.string('reason'), rows: each.number('rows') })),
          events: fields.list('events', (each) => ({ type: each.string('type'), count: each.number('count') })),
          shiftDays: fields.number('shiftDays'),
        };
      }
      case 'ImportFailed': {
        const fields = StoredFields.of(stored);
        return { type: 'ImportFailed', code: fields.string('code'), message: fields.string('message'), ...rowsOf(fields) };
      }
      default:
        return undefined;
    }
  },
};

function rowsOf(fields: StoredFields) {
  return {
    read: fields.number('read'),
    imported: fields.number('imported'),
    duplicate: fields.number('duplicate'),
    rejected: fields.number('rejected'),
    skipped: fields.number('skipped'),
  };
}

/** Kept as it was given; whether it can be read today is asked when it is used. */
function mappingOf(stored: StoredShape): { readonly [name: string]: JsonLike } {
  const { mapping } = stored.data;
  if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping))
    throw new UnreadableEvent('ImportStarted.mapping is no object');
  return mapping as { readonly [name: string]: JsonLike };
}
