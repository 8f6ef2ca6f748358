/** The tables and this program do not belong together; the message says why. */
export class SchemaMismatch extends Error {
  readonly code = 'SCHEMA_MISMATCH';
}
