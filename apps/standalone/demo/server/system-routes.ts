/** What the strip asks, and the pages about the system. The demo's key stays in this process; whatever comes back is of the demo's client. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { demoClient } from '../definitions/client.js';
import { nothingHere } from '../pages/shop-pages.js';
import { awayPage, explanationPage, peoplePage, previewInWords } from '../pages/system-pages.js';
import { AdminAway } from './admin-client.js';
import { findPeople, remembered } from './people.js';
import { asked, cookiesOf, pageSender, parameter, type Shop, setCookie } from './shop-routes.js';
import { type RunningSystem, type SlotAsked, slotsMax } from './system.js';

const idLengthMax = 64;
const contextMax = 16;

export function addSystemRoutes(server: FastifyInstance, shop: Shop, system: RunningSystem): void {
  const send = pageSender(shop);
  const people = remembered(() => findPeople(system), 5000);
  const facts = remembered(async () => ({ setUpAt: await system.setUpAt() }), 60_000);

  /** Sends the answer as JSON; when the admin is away, says so. */
  const answered = async (reply: FastifyReply, work: () => Promise<unknown>): Promise<FastifyReply> => {
    reply.header('cache-control', 'no-store');
    try {
      const answer = await work();
      return answer === null ? reply.code(202).send({ code: 'NOT_YET', message: 'not recorded yet' }) : reply.send(answer);
    } catch (error) {
      if (!(error instanceof AdminAway)) throw error;
      return reply.code(503).send({ code: 'ADMIN_AWAY', message: wordsOf(error) });
    }
  };

  server.get('/about', (request, reply) => {
    const customerId = request.query !== null && 'c' in (request.query as object) ? asked(request, 'c') : customerOfCookie(request);
    if (customerId === undefined) return reply.code(202).send({ code: 'NOBODY', message: 'nobody was seen here yet' });
    if (!isId(customerId)) return reply.code(400).send({ code: 'ID_INVALID', message: 'c is a customer’s id' });
    return answered(reply, async () => {
      const about = await system.about(customerId, slotsAsked(request), contextAsked(request));
      return { ...about, now: about.now.map((seen) => seen && { ...seen, words: previewInWords(seen) }) };
    });
  });
  server.get('/why/:decision', (request, reply) => {
    const decisionId = parameter(request, 'decision');
    return answered(reply, async () => (isId(decisionId) ? system.explanation(decisionId) : null));
  });
  server.get('/facts', (_, reply) => answered(reply, facts));
  server.get('/coupons', (_, reply) => answered(reply, () => system.couponResults()));

  server.get('/explain/:decision', async (request, reply) => {
    const decisionId = parameter(request, 'decision');
    if (!isId(decisionId)) return send(request, reply, nothingHere('There is no such answer'), 404);
    try {
      const explanation = await system.explanation(decisionId);
      const attempt = Number(asked(request, 'try').slice(0, 3)) || 0;
      return send(request, reply, explanationPage(decisionId, explanation, attempt), explanation === null ? 404 : 200);
    } catch (error) {
      return away(request, reply, error);
    }
  });
  server.get('/people', async (request, reply) => {
    try {
      return send(request, reply, peoplePage(await people()));
    } catch (error) {
      return away(request, reply, error);
    }
  });
  // Without scripts there is no tag, and so nobody to be.
  server.post('/people', (_, reply) => reply.redirect('/demo/people', 303));
  server.post('/people/new', (_, reply) => {
    for (const kind of ['c', 's']) setCookie(reply, `vt_${kind}_${demoClient.clientId}`, '', 0, '/');
    return reply.redirect('/demo/', 303);
  });

  const away = (request: FastifyRequest, reply: FastifyReply, error: unknown) => {
    if (!(error instanceof AdminAway)) throw error;
    return send(request, reply, awayPage(wordsOf(error)), 503);
  };
}

/** Where the admin listens is nobody's business. */
function wordsOf({ message }: AdminAway): string {
  return message.startsWith('the admin does not answer') ? 'The admin does not answer' : message;
}

/** The customer whom the tag, or the edge, has given a cookie; undefined when there is none. */
function customerOfCookie(request: FastifyRequest): string | undefined {
  const value = cookiesOf(request).get(`vt_c_${demoClient.clientId}`);
  try {
    return value === undefined || value === '' ? undefined : decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function isId(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= idLengthMax && !/[\p{Cc}\p{Cs}]/u.test(text);
}

/** `slot=campaign:placement`, several times. */
function slotsAsked(request: FastifyRequest): readonly SlotAsked[] {
  const given = [(request.query as Record<string, unknown>)['slot']].flat().filter((text) => typeof text === 'string');
  return given.slice(0, slotsMax).flatMap((text) => {
    const [, campaignId, placementId] = /^([A-Za-z0-9][\w.-]{0,63}):([A-Za-z0-9][\w.-]{0,63})$/.exec(text) ?? [];
    return campaignId === undefined || placementId === undefined ? [] : [{ campaignId, placementId }];
  });
}

/** `x.<name>=value`, as on the edge. */
function contextAsked(request: FastifyRequest): Readonly<Record<string, string>> {
  const given = Object.entries(request.query as Record<string, unknown>).flatMap(([name, value]) =>
    name.startsWith('x.') && typeof value === 'string' ? [[name.slice(2, 2 + idLengthMax), value.slice(0, 200)] as const] : [],
  );
  return Object.fromEntries(given.slice(0, contextMax));
}
