/** The shop's addresses, all below `/demo`. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Catalogue } from '../catalogue/catalogue.js';
import { searchLengthMax } from '../catalogue/catalogue.js';
import { couponOf } from '../definitions/coupons.js';
import { layout, type Page } from '../pages/layout.js';
import { categoryPage, homePage, nothingHere, productPage, searchPage } from '../pages/shop-pages.js';
import { cartPage, checkoutPage, type Notice, thanksPage } from '../pages/till-pages.js';
import type { Assets } from './assets.js';
import { type Basket, billOf, changed, isOrderId, newOrderId, readLines, readOrder, writeLines, writeOrder } from './basket.js';

export interface Shop {
  readonly catalogue: Catalogue;
  readonly assets: Assets;
}

const monthSeconds = 30 * 86_400;

export function addShopRoutes(server: FastifyInstance, { catalogue, assets }: Shop): void {
  const send = pageSender({ catalogue, assets });

  server.get('/', { prefixTrailingSlash: 'slash' }, (request, reply) => send(request, reply, homePage(catalogue)));
  server.get('/c/:category', (request, reply) => {
    const category = catalogue.category(parameter(request, 'category'));
    if (category === undefined) return send(request, reply, nothingHere('There is no such shelf'), 404);
    return send(request, reply, categoryPage(catalogue, category));
  });
  server.get('/p/:code', (request, reply) => {
    const product = catalogue.product(parameter(request, 'code'));
    if (product === undefined) return send(request, reply, nothingHere('We do not sell that'), 404);
    return send(request, reply, productPage(catalogue, product));
  });
  server.get('/search', (request, reply) => {
    const text = asked(request, 'q')
      .normalize('NFC')
      .replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ')
      .trim();
    return send(request, reply, searchPage(catalogue, text.slice(0, searchLengthMax)));
  });

  server.get('/cart', (request, reply) => {
    const basket = basketOf(request, catalogue);
    const typed = asked(request, 'coupon').slice(0, 40);
    if (typed === '') return send(request, reply, cartPage(basket, undefined));
    const coupon = couponOf(typed);
    const notice: Notice =
      coupon === undefined
        ? { tone: 'bad', text: `We know no code “${typed}”.` }
        : { tone: 'good', text: `${coupon.code}: ${coupon.gives}, when you complete this order.` };
    if (coupon !== undefined) setCookie(reply, 'demo_coupon', coupon.code, monthSeconds);
    return send(request, reply, cartPage({ ...basket, coupon: coupon ?? basket.coupon }, notice));
  });
  server.post('/basket', (request, reply) => {
    const form = formOf(request);
    const before = basketOf(request, catalogue);
    const product = catalogue.product(form.get('code') ?? '');
    if (product === undefined) return send(request, reply, nothingHere('We do not sell that'), 404);
    const by = { add: 1, more: 1, less: -1, remove: -1000 }[form.get('action') ?? 'add'] ?? 0;
    const after = changed(before, product, by);
    setCookie(reply, 'demo_cart', writeLines(after.lines), monthSeconds);
    if (request.headers.accept === 'application/json') return reply.send({ name: product.name, items: billOf(after).items });
    return reply.redirect('/demo/cart', 303);
  });
  server.get('/checkout', (request, reply) => {
    const basket = basketOf(request, catalogue);
    if (basket.lines.length === 0) return reply.redirect('/demo/cart', 303);
    return send(request, reply, checkoutPage(basket, newOrderId()));
  });
  server.post('/order', (request, reply) => {
    const basket = basketOf(request, catalogue);
    const given = formOf(request).get('order_id');
    // The same form sent twice: by then the basket is empty, and the order stands.
    if (basket.lines.length === 0) return reply.redirect('/demo/thanks', 303);
    const order = { ...basket, orderId: isOrderId(given) ? given : newOrderId() };
    setCookie(reply, 'demo_order', writeOrder(order), 86_400);
    setCookie(reply, 'demo_cart', '', 0);
    setCookie(reply, 'demo_coupon', '', 0);
    return reply.redirect('/demo/thanks', 303);
  });
  server.get('/thanks', (request, reply) => {
    const order = readOrder(cookiesOf(request).get('demo_order'), catalogue);
    if (order === undefined) return send(request, reply, nothingHere('There is no order yet'), 404);
    return send(request, reply, thanksPage(order));
  });

  server.get('/pictures/:file', (request, reply) => {
    const product = catalogue.product(parameter(request, 'file').replace(/\.svg$/, ''));
    if (product === undefined) return reply.code(404).send('no such picture');
    return kept(reply, 'image/svg+xml; charset=utf-8', catalogue.picture(product), 86_400);
  });
  server.get('/icon.svg', (_, reply) => kept(reply, 'image/svg+xml; charset=utf-8', icon, 86_400));
  server.get('/assets/:name', (request, reply) => {
    const asset = assets.find(parameter(request, 'name'));
    if (asset === undefined) return reply.code(404).send('no such file');
    return kept(reply, asset.type, asset.body, asked(request, 'v') === '' ? 60 : 31_536_000);
  });
}

/** Sends a page with all that is around it; nothing but this machine's own scripts, styles and pictures may be loaded. */
export function pageSender({ catalogue, assets }: Shop) {
  return (request: FastifyRequest, reply: FastifyReply, page: Page, status = 200): FastifyReply => {
    const nonce = randomBytes(16).toString('base64url');
    const { items } = billOf(basketOf(request, catalogue));
    const { text } = layout(page, { catalogue, nonce, asset: assets.address, basketItems: items });
    return reply
      .code(status)
      .headers({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `default-src 'none'; script-src 'self' 'nonce-${nonce}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'`,
        'referrer-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'cache-control': 'private, no-cache',
      })
      .send(text);
  };
}

export function parameter(request: FastifyRequest, name: string): string {
  const value = (request.params as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}

/** The first value of a query parameter; empty when there is none. */
export function asked(request: FastifyRequest, name: string): string {
  const value = (request.query as Record<string, unknown>)[name];
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first : '';
}

function formOf({ body }: FastifyRequest): URLSearchParams {
  return body instanceof URLSearchParams ? body : new URLSearchParams();
}

function basketOf(request: FastifyRequest, catalogue: Catalogue): Basket {
  const cookies = cookiesOf(request);
  return { lines: readLines(cookies.get('demo_cart'), catalogue), coupon: couponOf(cookies.get('demo_coupon') ?? '') };
}

export function cookiesOf({ headers }: FastifyRequest): ReadonlyMap<string, string> {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.split('='));
  return new Map(pairs.map(([name = '', value = '']) => [name.trim(), value.trim()]));
}

/** For the shop's own pages alone: no script reads it. */
export function setCookie(reply: FastifyReply, name: string, value: string, seconds: number, path = '/demo'): void {
  reply.header('set-cookie', `${name}=${value}; Path=${path}; Max-Age=${seconds}; SameSite=Lax${path === '/demo' ? '; HttpOnly' : ''}`);
}

function kept(reply: FastifyReply, type: string, body: string | Buffer, seconds: number): FastifyReply {
  return reply
    .headers({ 'content-type': type, 'x-content-type-options': 'nosniff', 'cache-control': `public, max-age=${seconds}` })
    .send(body);
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#2f4a43"/><path d="M7 13h18l-2 13H9z" fill="#f6efe3"/><path d="M6 8h20l2 6H4z" fill="#d98e73"/></svg>';
