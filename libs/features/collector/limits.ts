/** What one `POST /e` may bring. Past a limit the answer has a code, counted by that code. */

/** The body, in bytes: 413 BODY_TOO_LARGE. */
export const collectBodyBytesMax = 1024 * 1024;
/** Items of one batch: 413 BATCH_TOO_LONG. */
export const collectBatchMax = 1000;
/** How long `?wait=log` waits for the append; then the answer comes without a position. */
export const collectWaitMsMax = 10_000;
/** How long an unknown client is looked for in the log before the answer is 503. */
export const collectLookUpMsMax = 5_000;
/** What a full spool tells clients, in seconds. */
export const collectRetryAfterSeconds = 5;
