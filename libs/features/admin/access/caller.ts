import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import type { FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import { type Position, parsePosition } from '#libs/event-log';
import type { ApiKeyGrant } from '#libs/projections';
import type { ApiKeysReader } from '../parts.js';

/** Who asks, and from when on the answer has to know everything. */
export interface Caller extends ApiKeyGrant {
  /** As events name it. */
  readonly actor: string;
  /** Position of the header `Vitrine-After`; null: whatever is known now. */
  readonly after: Position | null;
  /** When the request came, by `performance.now()`. */
  readonly askedAt: number;
}

export interface AdminContext {
  readonly caller: Caller;
}

/** The caller of a resolver. */
export const Asker = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  return GqlExecutionContext.create(context).getContext<AdminContext>().caller;
});

/** May this key do anything with this client? */
export function mayReach(caller: ApiKeyGrant, clientId: string): boolean {
  return caller.clientId === null || caller.clientId === clientId;
}

/** The grant of `Authorization: Bearer …`, or null. A key that this process has not read of yet is looked for once more in the log. */
export async function grantOf(request: FastifyRequest, apiKeys: ApiKeysReader): Promise<ApiKeyGrant | null> {
  const token = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) return null;
  const grant = apiKeys.check(token);
  if (grant !== null) return grant;
  await apiKeys.caughtUp();
  return apiKeys.check(token);
}

/** @throws UNAUTHENTICATED as a 401; BAD_USER_INPUT for a header that is no position. */
export async function contextOf(request: FastifyRequest, apiKeys: ApiKeysReader): Promise<AdminContext> {
  const grant = await grantOf(request, apiKeys);
  if (grant === null) {
    throw new GraphQLError('an API key is needed: `Authorization: Bearer vk_…`', {
      extensions: { code: 'UNAUTHENTICATED', http: { status: 401, headers: new Map([['www-authenticate', 'Bearer']]) } },
    });
  }
  return {
    caller: { ...grant, actor: `key:${grant.keyId}`, after: positionOf(request.headers['vitrine-after']), askedAt: performance.now() },
  };
}

function positionOf(header: string | string[] | undefined): Position | null {
  if (header === undefined) return null;
  const position = typeof header === 'string' ? parsePosition(header.trim()) : undefined;
  if (position === undefined) {
    throw new GraphQLError('the header Vitrine-After is a position that an earlier answer said', {
      extensions: { code: 'BAD_USER_INPUT', fields: [{ field: 'Vitrine-After', messages: ['a position'] }], http: { status: 400 } },
    });
  }
  return position;
}
