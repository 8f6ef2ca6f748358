/** What every page of the shop has around it: head, navigation, the tag, the strip, the foot. */
import type { Catalogue } from '../catalogue/catalogue.js';
import { demoClient } from '../definitions/client.js';
import { Html, html, jsonIsland } from './html.js';

/** What a page tells its scripts. */
export interface PageFacts {
  /** Merged into the query's context. */
  readonly context: Readonly<Record<string, string | number>>;
  /** Behaviour to report when the page is looked at: commerce name and properties. */
  readonly events: readonly (readonly [type: string, properties: object])[];
}

export interface Page extends PageFacts {
  readonly title: string;
  readonly main: Html;
  /** Of the navigation. */
  readonly here?: string;
  readonly query?: string;
}

export interface Surroundings {
  readonly catalogue: Catalogue;
  /** Of this answer alone: lets the snippet run. */
  readonly nonce: string;
  /** Address of an asset, with its version. */
  readonly asset: (name: string) => string;
  readonly basketItems: number;
}

/** The children of a slot are what the page itself shows when nothing is decided in time. */
export function slot(campaignId: string, placementId: string, own: Html | null = null): Html {
  return html`<div class="slot slot-${placementId}" data-vt-campaign="${campaignId}" data-vt-placement="${placementId}">${own}</div>`;
}

// Slots stay unseen until they are decided, 800 ms at most: what stands in one is never swapped under the reader's eyes.
const snippet =
  "window.vitrine=window.vitrine||[];vitrine.until=performance.now()+800;(function(r){r.classList.add('deciding');setTimeout(function(){r.classList.remove('deciding')},850)})(document.documentElement)";

export function layout({ title, main, context, events, here, query }: Page, { catalogue, nonce, asset, basketItems }: Surroundings): Html {
  const link = ({ categoryId, name }: { categoryId: string; name: string }) =>
    html`<li><a href="/demo/c/${categoryId}"${here === categoryId ? new Html(' aria-current="page"') : null}>${name}</a></li>`;
  return html`<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Vitrine &amp; Daughters</title>
<meta name="description" content="A demo shop: real products and customers, personalised by Vitrine.">
<link rel="icon" href="/demo/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${asset('shop.css')}">
<script nonce="${nonce}">${new Html(snippet)}</script>
<script async src="/tag.js" data-client="${demoClient.clientId}" nonce="${nonce}"></script>
<script defer src="${asset('shop.js')}"></script>
<script defer src="${asset('strip.js')}"></script>
${jsonIsland('page', { context, events })}
</head>
<body>
<a class="skip" href="#main">Skip to the goods</a>
<header class="head">
  <div class="head-top">
    <a class="brand" href="/demo/"><span class="brand-mark" aria-hidden="true"></span>Vitrine <span class="brand-and">&amp;</span> Daughters</a>
    <form class="search" action="/demo/search" role="search">
      <label class="unseen" for="q">Search the shop</label>
      <input id="q" name="q" type="search" maxlength="80" placeholder="Search: bunting, red, teacup …" value="${query ?? ''}">
      <button>Search</button>
    </form>
    <nav class="head-links" aria-label="You">
      <a class="only-wide" href="/demo/people">Be someone else</a>
      <a class="head-basket" href="/demo/cart">Basket <span class="count" id="basket-count" data-items="${basketItems}">${basketItems}</span></a>
    </nav>
  </div>
  <nav class="aisles" aria-label="Categories"><ul><li class="only-narrow"><a href="/demo/people">Be someone else</a></li>${catalogue.categories.map(link)}</ul></nav>
</header>
<main id="main">${main}</main>
<p class="unseen" role="status" id="said"></p>
<aside class="strip" id="strip" aria-labelledby="strip-title">
  <div class="strip-inner">
    <h2 id="strip-title">Behind the counter</h2>
    <p class="strip-lead">What the running system decided for this page, and what it knows of you. Everything below is asked of it.</p>
    <noscript><p>This strip, like the personal parts of the page, needs scripts; the shop works without.</p></noscript>
    <div id="strip-body"></div>
  </div>
</aside>
<footer class="foot">
  <div class="foot-inner">
    <p><strong>A demonstration.</strong> Nothing is sold and nothing is sent. The shop is invented; its products, their prices and its customers' orders are real:
    D. Chen (2015), <cite>Online Retail</cite>, UCI Machine Learning Repository, <a href="https://doi.org/10.24432/C5BW33" rel="noreferrer">doi.org/10.24432/C5BW33</a>,
    licensed <a href="https://creativecommons.org/licenses/by/4.0/" rel="license noreferrer">CC BY 4.0</a>; a quarter of its customers, names written out, categories and pictures by rule.</p>
    <p id="moved-times">The orders are of December 2010 to December 2011. Their times were moved by whole days when this demo was set up, so that they end on that day.</p>
  </div>
</footer>
</body>
</html>
`;
}
