/** The pages where one looks around: home, category, search, product, and what is not there. */
import type { Catalogue, Category, Product } from '../catalogue/catalogue.js';
import { amount, pounds } from '../server/basket.js';
import { Html, html } from './html.js';
import { type Page, slot } from './layout.js';

export function pictureOf({ code }: Product, lazy = true): Html {
  return html`<img src="/demo/pictures/${code}.svg" width="400" height="400" alt=""${lazy ? new Html(' loading="lazy"') : null}>`;
}

/** What behaviour events say of a product. */
export function eventOf({ code, name, pence, categoryId }: Product, quantity = 1): object {
  return { product_id: code, name, price: amount(pence), quantity, currency: 'GBP', category: categoryId };
}

function card(product: Product): Html {
  const { code, name, pence } = product;
  return html`<li class="card"><a class="card-link" href="/demo/p/${code}">${pictureOf(product)}<span class="card-name">${name}</span></a>
<div class="card-foot"><span class="price">${pounds(pence)}</span><form method="post" action="/demo/basket" data-add data-product="${JSON.stringify(eventOf(product))}"><input type="hidden" name="code" value="${code}"><button class="button button-quiet" name="action" value="add" aria-label="Add ${name} to the basket">Add</button></form></div></li>`;
}

const cards = (products: readonly Product[]) => html`<ul class="cards">${products.map(card)}</ul>`;

/** In place of the welcome-back bar for whom no rule takes. */
const delivery = html`<div class="notice notice-plain"><p>Postage is free from £50.</p></div>`;

export function homePage(catalogue: Catalogue): Page {
  const own = html`<div class="promo promo-sand"><div class="promo-words"><p class="kicker">Since the first tea party</p><h2>Small gifts, well chosen</h2><p>Bunting, biscuit tins and everything that makes a kitchen a home.</p></div></div>`;
  const favourites = catalogue.products.slice(0, 8);
  const aisle = ({ categoryId, name, line }: Category) => {
    const [first] = catalogue.of(categoryId);
    return html`<li><a class="aisle" href="/demo/c/${categoryId}">${first === undefined ? null : pictureOf(first)}<span><strong>${name}</strong><small>${line}</small></span></a></li>`;
  };
  return {
    title: 'Small gifts, well chosen',
    context: { page_type: 'home' },
    events: [],
    main: html`<h1 class="unseen">Vitrine &amp; Daughters, a gift shop</h1>
${slot('home', 'top', own)}
${slot('welcome-back', 'bar', delivery)}
<section aria-labelledby="favourites"><h2 id="favourites">What most customers bought</h2>${cards(favourites)}</section>
<section aria-labelledby="aisles"><h2 id="aisles">Around the shop</h2><ul class="aisle-cards">${catalogue.categories.map(aisle)}</ul></section>`,
  };
}

export function categoryPage(catalogue: Catalogue, { categoryId, name, line }: Category): Page {
  const products = catalogue.of(categoryId);
  return {
    title: name,
    here: categoryId,
    context: { page_type: 'category', category: categoryId },
    events: [],
    main: html`${crumbs([name])}<h1>${name}</h1><p class="lead">${line} <span class="quiet">${products.length} things.</span></p>${slot('aisle', 'bar')}${cards(products)}`,
  };
}

export function searchPage(catalogue: Catalogue, query: string): Page {
  const found = catalogue.search(query);
  return {
    title: query === '' ? 'Search' : `Search: ${query}`,
    query,
    context: { page_type: 'search' },
    events: query === '' ? [] : [['Products Searched', { query }]],
    main: html`${crumbs(['Search'])}<h1>${query === '' ? 'What are you looking for?' : html`“${query}”`}</h1>
<p class="lead">${query === '' ? 'Type a word above, such as bunting.' : found.length === 0 ? 'Nothing has all these words in its name.' : `${found.length} ${found.length === 1 ? 'thing has' : 'things have'} it in the name.`}</p>${slot('aisle', 'bar')}${cards(found.slice(0, 60))}`,
  };
}

export function productPage(catalogue: Catalogue, product: Product): Page {
  const { code, name, pence, categoryId, description, buyers } = product;
  const category = catalogue.category(categoryId);
  return {
    title: name,
    here: categoryId,
    context: { page_type: 'product', category: categoryId, product_id: code },
    events: [['Product Viewed', eventOf(product)]],
    main: html`<nav class="crumbs" aria-label="Where you are"><ol><li><a href="/demo/">Shop</a></li>${category === undefined ? null : html`<li><a href="/demo/c/${categoryId}">${category.name}</a></li>`}<li aria-current="page">${name}</li></ol></nav>
<article class="product"><div class="product-picture">${pictureOf(product, false)}</div>
<div class="product-words"><h1>${name}</h1><p class="price price-large">${pounds(pence)}</p>
<form method="post" action="/demo/basket" data-add data-product="${JSON.stringify(eventOf(product))}"><input type="hidden" name="code" value="${code}"><button class="button button-large" name="action" value="add">Add to basket</button></form>
<dl class="facts"><div><dt>In the data</dt><dd>${description}, stock code ${code}</dd></div><div><dt>Bought by</dt><dd>${buyers} known customers of the data</dd></div><div><dt>Price</dt><dd>the one on most of its order lines</dd></div><div><dt>Picture</dt><dd>drawn: the data has none</dd></div></dl></div></article>
<section aria-labelledby="more"><h2 id="more">More like it</h2>${cards(catalogue.besides(product, 4))}</section>`,
  };
}

export function nothingHere(what: string): Page {
  return {
    title: 'Not here',
    context: { page_type: 'not_found' },
    events: [],
    main: html`<div class="empty"><h1>${what}</h1><p>It may be on another shelf: <a href="/demo/">go back to the shop</a>, or search above.</p></div>`,
  };
}

export function crumbs(names: readonly string[]): Html {
  return html`<nav class="crumbs" aria-label="Where you are"><ol><li><a href="/demo/">Shop</a></li>${names.map((name) => html`<li aria-current="page">${name}</li>`)}</ol></nav>`;
}
