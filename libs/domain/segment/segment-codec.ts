import type { Codec } from '../codec.js';
import { StoredFields } from '../stored-fields.js';
import type { SegmentEvent } from './segment.js';

/** Version 1 is the first and today's shape of all three events. */
export const segmentCodec: Codec<SegmentEvent> = {
  encode({ type, ...data }) {
    return { type, schema: 1, data };
  },

  decode(stored) {
    switch (stored.type) {
      case 'SegmentDefined': {
        const fields = StoredFields.of(stored);
        return {
          type: 'SegmentDefined',
          segmentId: fields.string('segmentId'),
          name: fields.string('name'),
          criteria: fields.criteria('criteria', 'customer'),
        };
      }
      case 'SegmentRevised': {
        const fields = StoredFields.of(stored);
        return {
          type: 'SegmentRevised',
          ...(fields.has('name') ? { name: fields.string('name') } : {}),
          ...(fields.has('criteria') ? { criteria: fields.criteria('criteria', 'customer') } : {}),
        };
      }
      case 'SegmentArchived':
        StoredFields.of(stored);
        return { type: 'SegmentArchived' };
      default:
        return undefined;
    }
  },
};
