/**
 * In CI a failed test runs once more, and what it said the first time is printed: on a machine of two shared cores a race in a spec should be seen
 * and mended, and not stop what has nothing to do with it. At a developer's desk nothing runs twice.
 */
import { jest } from '@jest/globals';

if (process.env.CI === 'true') jest.retryTimes(1, { logErrorsBeforeRetry: true });
