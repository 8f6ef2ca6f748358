/** What a caller is told of what went wrong: refusals and outages by their code, bugs by nothing but a number to look for in the log. */
import { randomUUID } from 'node:crypto';
import { unwrapResolverError } from '@apollo/server/errors';
import { Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Rejected } from '#libs/domain';

/** Outages: the same request may be sent again a little later. */
const retryable: Readonly<Record<string, string>> = {
  ANALYTICS_REFUSED: 'the tables refuse this process; its log says why',
  ANALYTICS_UNAVAILABLE: 'the tables cannot be asked at the moment',
  EVENT_LOG_UNAVAILABLE: 'the event log cannot be reached at the moment',
  NOT_YET: 'the position has not been reached yet',
  REVISION_CONFLICT: 'someone else changed the same thing at the same moment',
  SNAPSHOTS_UNAVAILABLE: 'the snapshots cannot be reached at the moment',
};

const internal = 'INTERNAL_SERVER_ERROR';
const logger = new Logger('Admin');

/** A refusal as a GraphQL error: how queries say what mutations say in `userErrors`. */
export function refused({ code, message, field }: Pick<Rejected, 'code' | 'message' | 'field'>): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...(field === undefined ? {} : { field }) } });
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const cause = unwrapResolverError(error);
  const where = {
    ...(formatted.locations === undefined ? {} : { locations: formatted.locations }),
    ...(formatted.path === undefined ? {} : { path: formatted.path }),
  };
  const code = codeOf(cause);
  const outage = code === undefined ? undefined : retryable[code];
  if (code !== undefined && outage !== undefined) {
    // A time-out says how far it came; what drivers say of hosts and ports is for the log alone.
    if (code !== 'NOT_YET') logger.warn(`${code}: ${cause instanceof Error ? cause.message : String(cause)}`);
    return { message: outage, ...where, extensions: { code, retryable: true, status: 503 } };
  }
  if (cause instanceof GraphQLError && formatted.extensions?.code !== internal) return formatted;
  if (formatted.extensions?.code !== undefined && formatted.extensions.code !== internal) return formatted;

  const incident = randomUUID();
  logger.error(`${incident} ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
  return { message: 'something went wrong here; it is in the log under this number', ...where, extensions: { code: internal, incident } };
}

/** Nest would write every refusal into the log as if it were a fault, with its stack; `formatError` says which are. */
@Catch(GraphQLError)
export class GraphQlErrors implements ExceptionFilter<GraphQLError> {
  catch(error: GraphQLError): GraphQLError {
    return error;
  }
}
