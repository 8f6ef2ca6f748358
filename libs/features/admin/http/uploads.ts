import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { grantOf } from '../access/caller.js';
import type { AdminParts } from '../parts.js';

/**
 * `POST /uploads`: the body, of any content type, goes to the disk as it comes. The name of the file may be given as `?name=`.
 * Answers 201 `{"uploadId"}`; 401 without a key, 413 past the store's limit. What the client cuts off is not kept.
 */
export function serveUploads(server: FastifyInstance, { apiKeys, uploads }: Pick<AdminParts, 'apiKeys' | 'uploads'>): void {
  server.register(async (scope) => {
    // The limit is the store's: it counts the bytes as they come, also when no length is said.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.post('/uploads', { bodyLimit: Number.MAX_SAFE_INTEGER }, async (request, reply) => {
      const grant = await grantOf(request, apiKeys);
      if (grant === null) {
        return refuse(
          request,
          reply.header('www-authenticate', 'Bearer'),
          401,
          'UNAUTHENTICATED',
          'an API key is needed: `Authorization: Bearer vk_…`',
        );
      }
      const { keyId, clientId } = grant;
      try {
        const { uploadId } = await uploads.put(request.raw, { keyId, clientId }, nameOf(request));
        return await reply.status(201).send({ uploadId });
      } catch (error) {
        const code = (error as { code?: unknown }).code;
        if (code === 'UPLOAD_TOO_LARGE') return refuse(request, reply, 413, code, (error as Error).message);
        throw error;
      }
    });
  });
}

/** What is still under way of the body is not waited for. */
function refuse(request: FastifyRequest, reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  reply.header('connection', 'close').raw.once('finish', () => request.raw.destroy());
  return reply.status(status).send({ code, message });
}

function nameOf({ query }: FastifyRequest): string {
  const { name } = query as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'upload';
}
