import { SettingsInvalid } from '#libs/settings';

/** Codes of errors that a person can do something about: their message is the line to show. */
const forPeople = new Set([
  'START_REFUSED',
  'DATA_FOLDER_UNUSABLE',
  'PORT_TAKEN',
  'FOLDER_IN_USE',
  'FOLDER_NOT_WRITABLE',
  'ENGINE_DIED',
  'PLATFORM_NOT_SUPPORTED',
  'EVENT_LOG_UNAVAILABLE',
  'ANALYTICS_UNAVAILABLE',
  'SNAPSHOTS_UNAVAILABLE',
  'LOG_CORRUPTED',
  'NOT_YET',
  'UNREADABLE_EVENT',
]);

/** One line per problem; the stack as well when it is a bug of ours. */
export function explain(error: unknown): string[] {
  if (error instanceof SettingsInvalid) return error.problems.map((problem) => `vitrine: ${problem}`);
  if (!(error instanceof Error)) return [`vitrine: ${String(error)}`];
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && forPeople.has(code)) return [`vitrine: ${error.message.split('\n')[0]}`];
  return [`vitrine: ${error.stack ?? error.message}`];
}
