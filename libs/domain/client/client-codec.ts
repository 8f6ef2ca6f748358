import type { Codec } from '../codec.js';
import { StoredFields } from '../stored-fields.js';
import type { ClientEvent, ClientSettings } from './client.js';

/** Version 1 is the first and today's shape of both events. */
export const clientCodec: Codec<ClientEvent> = {
  encode({ type, ...data }) {
    return { type, schema: 1, data };
  },

  decode(stored) {
    switch (stored.type) {
      case 'ClientRegistered': {
        const fields = StoredFields.of(stored);
        return {
          type: 'ClientRegistered',
          clientId: fields.string('clientId'),
          currency: fields.string('currency'),
          name: fields.string('name'),
          timeZone: fields.string('timeZone'),
          origins: fields.strings('origins'),
          sampleRate: fields.number('sampleRate'),
          snapshotIntervalSeconds: fields.number('snapshotIntervalSeconds'),
          snapshotMaxAgeSeconds: fields.numberOrNull('snapshotMaxAgeSeconds'),
        };
      }
      case 'ClientRevised': {
        const fields = StoredFields.of(stored);
        const changed: { -readonly [Name in keyof ClientSettings]?: ClientSettings[Name] } = {};
        if (fields.has('name')) changed.name = fields.string('name');
        if (fields.has('timeZone')) changed.timeZone = fields.string('timeZone');
        if (fields.has('origins')) changed.origins = fields.strings('origins');
        if (fields.has('sampleRate')) changed.sampleRate = fields.number('sampleRate');
        if (fields.has('snapshotIntervalSeconds')) changed.snapshotIntervalSeconds = fields.number('snapshotIntervalSeconds');
        if (fields.has('snapshotMaxAgeSeconds')) changed.snapshotMaxAgeSeconds = fields.numberOrNull('snapshotMaxAgeSeconds');
        return { type: 'ClientRevised', ...changed };
      }
      default:
        return undefined;
    }
  },
};
