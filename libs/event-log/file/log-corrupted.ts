/** The log's file is damaged: not retryable, restore it from a backup. `vitrine log verify` says how much is readable. */
export class LogCorrupted extends Error {
  readonly code = 'LOG_CORRUPTED';
}
