/** The pages where one buys: basket, checkout, thank you. */
import { amount, type Basket, type Bill, billOf, type Line, type Order, pounds } from '../server/basket.js';
import { type Html, html } from './html.js';
import { type Page, slot } from './layout.js';
import { crumbs, eventOf, pictureOf } from './shop-pages.js';

export interface Notice {
  readonly tone: 'good' | 'bad';
  readonly text: string;
}

const productsOf = (lines: readonly Line[]) => lines.map(({ product, quantity }) => eventOf(product, quantity));

/** What conditions of campaigns may ask about the basket. */
function contextOf(type: string, { items, goods }: Bill): Page['context'] {
  return { page_type: type, cart_items: items, cart_total: amount(goods) };
}

export function cartPage(basket: Basket, notice: Notice | undefined): Page {
  const { lines, coupon } = basket;
  const bill = billOf(basket);
  const said = notice === undefined ? null : html`<p class="said said-${notice.tone}" role="status">${notice.text}</p>`;
  const base = {
    title: 'Your basket',
    context: contextOf('cart', bill),
    events: [['Cart Viewed', { products: productsOf(lines), currency: 'GBP' }]] as const,
  };
  if (lines.length === 0) {
    return {
      ...base,
      main: html`${crumbs(['Basket'])}<h1>Your basket</h1>${said}<div class="empty"><p>There is nothing in it yet.</p><p><a class="button" href="/demo/">Look around</a></p></div>${slot('basket', 'offer')}`,
    };
  }
  return {
    ...base,
    main: html`${crumbs(['Basket'])}<h1>Your basket</h1>${said}${slot('basket', 'offer')}
<div class="till"><ul class="lines">${lines.map(line)}</ul>
<section class="bill" aria-label="What it comes to">${billTable(bill, coupon?.code)}
<form class="coupon" action="/demo/cart"><label for="coupon">Coupon code</label><div><input id="coupon" name="coupon" maxlength="20" autocomplete="off" autocapitalize="characters" value="${coupon?.code ?? ''}"><button class="button button-quiet">Use it</button></div></form>
<a class="button button-large button-wide" href="/demo/checkout">Check out</a></section></div>`,
  };
}

function line({ product, quantity }: Line): Html {
  const { code, name, pence } = product;
  const button = (action: string, words: string, sign: string) =>
    html`<button class="round" name="action" value="${action}" aria-label="${words} ${name}">${sign}</button>`;
  return html`<li class="line"><a href="/demo/p/${code}" tabindex="-1" aria-hidden="true">${pictureOf(product)}</a><div class="line-words"><a href="/demo/p/${code}">${name}</a><span class="quiet">${pounds(pence)} each</span></div>
<form method="post" action="/demo/basket" data-change data-product="${JSON.stringify(eventOf(product, quantity))}"><input type="hidden" name="code" value="${code}"><input type="hidden" name="back" value="cart">${button('less', 'One less of', '−')}<span class="line-count">${quantity}</span>${button('more', 'One more of', '+')}${button('remove', 'Take out', '×')}</form>
<span class="price">${pounds(pence * quantity)}</span></li>`;
}

function billTable({ goods, discount, postage, total }: Bill, code: string | undefined): Html {
  return html`<dl class="sums"><div><dt>Goods</dt><dd>${pounds(goods)}</dd></div>${discount === 0 ? null : html`<div class="sums-off"><dt>${code}, when you complete this order</dt><dd>−${pounds(discount)}</dd></div>`}<div><dt>Postage</dt><dd>${postage === 0 ? 'free' : pounds(postage)}</dd></div><div class="sums-total"><dt>Total</dt><dd>${pounds(total)}</dd></div></dl>`;
}

export function checkoutPage(basket: Basket, orderId: string): Page {
  const { lines, coupon } = basket;
  const bill = billOf(basket);
  return {
    title: 'Check out',
    context: contextOf('checkout', bill),
    events: [
      [
        'Checkout Started',
        {
          order_id: orderId,
          total: amount(bill.total),
          currency: 'GBP',
          products: productsOf(lines),
          ...(coupon && { coupon: coupon.code }),
        },
      ],
    ],
    main: html`${crumbs(['Check out'])}<h1>Check out</h1>${slot('basket', 'offer')}
<div class="till"><div><p class="lead">In a real shop your name and address would stand here. Nothing is charged and nothing is sent.</p>
<ul class="lines lines-short">${lines.map(({ product, quantity }) => html`<li class="line">${pictureOf(product)}<div class="line-words"><span>${product.name}</span><span class="quiet">${quantity} × ${pounds(product.pence)}</span></div><span class="price">${pounds(product.pence * quantity)}</span></li>`)}</ul></div>
<section class="bill" aria-label="What it comes to">${billTable(bill, coupon?.code)}<form method="post" action="/demo/order"><input type="hidden" name="order_id" value="${orderId}"><button class="button button-large button-wide">Place the order</button></form><p class="quiet"><a href="/demo/cart">Back to the basket</a></p></section></div>`,
  };
}

export function thanksPage(order: Order): Page {
  const { orderId, lines, coupon } = order;
  const bill = billOf(order);
  const said = {
    order_id: orderId,
    total: amount(bill.total),
    discount: amount(bill.discount),
    shipping: amount(bill.postage),
    currency: 'GBP',
    products: productsOf(lines),
    ...(coupon && { coupon: coupon.code }),
  };
  return {
    title: 'Thank you',
    context: { page_type: 'thanks', order_total: amount(bill.total) },
    // Also when the page is loaded again, as in most shops: an order id counts once.
    events: [['Order Completed', said]],
    main: html`<div class="thanks"><h1>Thank you</h1><p class="lead">Your order <strong id="order-id">${orderId}</strong> over ${pounds(bill.total)} is on its way – or would be, in a real shop.${coupon === undefined ? null : html` It carries the code <strong>${coupon.code}</strong>.`}</p></div>
${slot('thanks', 'note')}
<div class="till"><ul class="lines lines-short">${lines.map(({ product, quantity }) => html`<li class="line">${pictureOf(product)}<div class="line-words"><span>${product.name}</span><span class="quiet">${quantity} × ${pounds(product.pence)}</span></div><span class="price">${pounds(product.pence * quantity)}</span></li>`)}</ul>
<section class="bill" aria-label="What it came to">${billTable(bill, coupon?.code)}<p><a class="button button-wide" href="/demo/">Back to the shop</a></p></section></div>`,
  };
}
