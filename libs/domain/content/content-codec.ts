import type { Codec } from '../codec.js';
import { StoredFields } from '../stored-fields.js';
import { type ContentEvent, type ContentFields, contentKinds } from './content.js';

/** Version 1 is the first and today's shape of both events. */
export const contentCodec: Codec<ContentEvent> = {
  encode({ type, ...data }) {
    return { type, schema: 1, data };
  },

  decode(stored) {
    switch (stored.type) {
      case 'ContentRegistered': {
        const fields = StoredFields.of(stored);
        return { type: 'ContentRegistered', contentId: fields.string('contentId'), ...contentFields(fields) };
      }
      case 'ContentRevised':
        return { type: 'ContentRevised', ...contentFields(StoredFields.of(stored)) };
      default:
        return undefined;
    }
  },
};

function contentFields(fields: StoredFields): ContentFields {
  return {
    contentType: fields.oneOf('contentType', contentKinds),
    address: fields.stringOrNull('address'),
    body: fields.stringOrNull('body'),
    destination: fields.stringOrNull('destination'),
    width: fields.numberOrNull('width'),
    height: fields.numberOrNull('height'),
    alt: fields.stringOrNull('alt'),
  };
}
