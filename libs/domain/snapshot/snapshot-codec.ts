import type { Codec } from '../codec.js';
import { StoredFields } from '../stored-fields.js';
import type { SnapshotEvent } from './snapshot.js';

const kinds = ['audience', 'playbook'] as const;

/** Version 1 is the first and today's shape of both events. */
export const snapshotCodec: Codec<SnapshotEvent> = {
  encode({ type, ...data }) {
    return { type, schema: 1, data };
  },

  decode(stored) {
    switch (stored.type) {
      case 'SnapshotRequested': {
        const fields = StoredFields.of(stored);
        return { type: 'SnapshotRequested', kind: fields.stringOrNull('kind') === null ? null : fields.oneOf('kind', kinds) };
      }
      case 'SnapshotPublished': {
        const fields = StoredFields.of(stored);
        return {
          type: 'SnapshotPublished',
          kind: fields.oneOf('kind', kinds),
          version: fields.string('version'),
          position: fields.string('position'),
          builtAt: fields.string('builtAt'),
          bytes: fields.number('bytes'),
          sha256: fields.string('sha256'),
          customers: fields.numberOrNull('customers'),
          memberships: fields.numberOrNull('memberships'),
        };
      }
      default:
        return undefined;
    }
  },
};
