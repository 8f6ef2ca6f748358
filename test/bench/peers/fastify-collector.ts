/**
 * Peer: a Fastify route that parses the same body, checks it with a JSON schema (ajv, Fastify's own), appends the events as lines to a file and
 * answers once they are written. It does less than we do: no fsync, no seal, no events of a log, and its schema lets through what we refuse
 * (lengths in bytes, times that do not exist, amounts, addresses). `node fastify-collector.js <port> <file>`
 */
import { createWriteStream } from 'node:fs';
import fastify from 'fastify';

const [port, path] = process.argv.slice(2) as [string, string];
const file = createWriteStream(path, { flags: 'a' });
const id = { type: 'string', minLength: 1, maxLength: 64 };
const amount = { type: ['number', 'string', 'null'] };
const text = { type: ['string', 'null'] };
const line = { type: 'object', properties: { product_id: text, price: amount, quantity: amount } };
const body = {
  type: 'object',
  required: ['batch'],
  properties: {
    batch: {
      type: 'array',
      maxItems: 1000,
      items: {
        type: 'object',
        required: ['type', 'messageId', 'customerId'],
        properties: {
          type: {
            type: 'string',
            enum: [
              'Page Viewed',
              'Products Searched',
              'Product Viewed',
              'Product Added',
              'Product Removed',
              'Cart Viewed',
              'Checkout Started',
              'Order Completed',
              'Email Provided',
              'Content Viewed',
              'Content Clicked',
            ],
          },
          messageId: id,
          customerId: id,
          sessionId: { ...id, nullable: true },
          timestamp: { type: 'string', format: 'date-time', nullable: true },
          properties: {
            type: 'object',
            properties: {
              product_id: text,
              order_id: text,
              price: amount,
              quantity: amount,
              total: amount,
              currency: text,
              coupon: text,
              url: text,
              referrer: text,
              query: text,
              products: { type: 'array', items: line },
            },
          },
        },
      },
    },
  },
};

// Amounts may be strings: nothing is to be converted.
const app = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allowUnionTypes: true } } });
// As the tag sends it, which needs no preflight.
app.addContentTypeParser('text/plain', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
app.post<{ Body: { batch: readonly object[] } }>('/e/:clientId', { schema: { body } }, async (request, reply) => {
  let lines = '';
  for (const event of request.body.batch) lines += `${JSON.stringify(event)}\n`;
  await new Promise<void>((resolve, reject) => {
    file.write(lines, (error) => (error ? reject(error) : resolve()));
  });
  return reply.code(202).send({ accepted: request.body.batch.length });
});
await app.listen({ port: Number(port), host: '127.0.0.1' });
process.once('SIGTERM', () => process.exit(0));
