import { SettingsInvalid } from '#libs/settings';

/** Codes of errors that a person can do something about: their message is the line to show. */
const forPeople = new Set([
  'ANALYTICS_REFUSED',
  'ANALYTICS_UNAVAILABLE',
  'CUSTOMER_KEYS_UNAVAILABLE',
  'DATA_FOLDER_UNUSABLE',
  'ENGINE_DIED',
  'EVENT_LOG_REFUSED',
  'EVENT_LOG_UNAVAILABLE',
  'FOLDER_IN_USE',
  'FOLDER_NOT_WRITABLE',
  'LOG_CORRUPTED',
  'NATS_REFUSED',
  'NOT_YET',
  'PLATFORM_NOT_SUPPORTED',
  'PORT_TAKEN',
  'SCHEMA_MISMATCH',
  'SPOOL_DAMAGED',
  'SNAPSHOTS_UNAVAILABLE',
  'SPOOL_IN_USE',
  'SPOOL_UNWRITABLE',
  'START_REFUSED',
  'UNREADABLE_EVENT',
  'WRONG_SECRET',
]);

/** One line per problem; the stack as well when it is a bug of ours. */
export function explain(error: unknown): string[] {
  if (error instanceof SettingsInvalid) return error.problems.map((problem) => `vitrine: ${problem}`);
  if (!(error instanceof Error)) return [`vitrine: ${String(error)}`];
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && forPeople.has(code)) return [`vitrine: ${error.message.split('\n')[0]}`];
  return [`vitrine: ${error.stack ?? error.message}`];
}
