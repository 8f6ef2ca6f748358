import { describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { GraphQLError } from 'graphql';
import { AnalyticsUnavailable } from '#libs/analytics';
import { EventLogUnavailable, NotYet, RevisionConflict } from '#libs/event-log';
import { SnapshotsUnavailable } from '#libs/snapshots';
import { formatError, refused } from './errors.js';

/** As Apollo gives it: what a resolver threw, wrapped. */
function thrown(originalError: Error) {
  const error = new GraphQLError(originalError.message, { originalError, path: ['customers'] });
  const extensions = { ...error.extensions, code: error.extensions.code ?? 'INTERNAL_SERVER_ERROR' };
  return formatError({ message: error.message, path: ['customers'], extensions }, error);
}

describe('errors', () => {
  Logger.overrideLogger(false);

  it.each([
    ['ANALYTICS_UNAVAILABLE', new AnalyticsUnavailable('connect ECONNREFUSED 10.0.0.7:8123')],
    ['EVENT_LOG_UNAVAILABLE', new EventLogUnavailable('esdb://admin:changeit@10.0.0.8')],
    ['SNAPSHOTS_UNAVAILABLE', new SnapshotsUnavailable('/var/lib/vitrine is away')],
    ['REVISION_CONFLICT', new RevisionConflict('segment-golf.s', 1n, 2n)],
    ['NOT_YET', new NotYet('position 7 was not reached')],
  ])('%s may be tried again, and says nothing of the inside', (code, error) => {
    const { message, extensions, path } = thrown(error);
    expect(extensions).toEqual({ code, retryable: true, status: 503 });
    expect(message).not.toContain(error.message);
    expect(path).toEqual(['customers']);
  });

  it('hide bugs behind a number that stands in the log', () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const { message, extensions } = thrown(new TypeError('cannot read secret of undefined'));
    expect(message).not.toContain('secret');
    expect(extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', incident: expect.any(String) });
    expect(logged.mock.calls[0]?.[0]).toContain(extensions?.incident);
    expect(logged.mock.calls[0]?.[0]).toContain('cannot read secret of undefined');
    logged.mockRestore();
  });

  it('leave refusals as they are', () => {
    const error = refused({ code: 'CRITERIA_INVALID', message: 'no such field', field: ['criteria', 'field'] });
    const formatted = { message: error.message, extensions: { ...error.extensions } };
    expect(formatError(formatted, error)).toEqual({
      message: 'no such field',
      extensions: { code: 'CRITERIA_INVALID', field: ['criteria', 'field'] },
    });
  });
});
