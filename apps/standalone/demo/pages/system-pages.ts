/** The pages that show the system itself: be someone else, and the explanation of one answer. */
import type { People, Person } from '../server/people.js';
import type { Explanation, Preview } from '../server/system.js';
import { type Html, html } from './html.js';
import type { Page } from './layout.js';
import { crumbs } from './shop-pages.js';

/** What would be shown, in a few words: a content's heading, or what it says in bold, or how it begins. */
export function previewInWords({ contentId, content, group }: Preview): string {
  if (contentId === null) return group === null ? 'the page’s own' : 'nothing (control group)';
  const body = content?.body ?? '';
  const [, heading, bold] = /<h2>([^<]*)<\/h2>|<strong>([^<]*)<\/strong>/.exec(body) ?? [];
  const text = (heading ?? bold ?? body.replaceAll(/<[^>]*>/g, ' ')).replaceAll('&amp;', '&').replaceAll(/\s+/g, ' ').trim();
  return text === '' ? contentId : text.slice(0, 80);
}

export function awayPage(why: string): Page {
  return {
    title: 'Not now',
    context: { page_type: 'people' },
    events: [],
    main: html`<div class="empty"><h1>Nobody can say just now</h1><p>${why}.</p><p>The shop goes on without: <a href="/demo/">look around</a>, and try this again in a moment.</p></div>`,
  };
}

export function peoplePage({ segments, groups }: People): Page {
  return {
    title: 'Be someone else',
    context: { page_type: 'people' },
    events: [],
    main: html`${crumbs(['Be someone else'])}<h1>Be someone else</h1>
<p class="lead">These are customers of the data, one for each segment, as the system knows them now. Become one of them: what you then do in the shop is recorded as theirs.</p>
<form method="post" action="/demo/people/new" class="become-new" data-new><button class="button">Be somebody new</button> <span class="quiet">a browser that was never here</span></form>
<h2>One of each segment</h2>
<ul class="people">${segments.map(
      ({ segmentId, name, size, person }) =>
        html`<li class="person"><h3>${name}</h3><p class="quiet"><code>${segmentId}</code> · ${size === null ? 'not counted yet' : `${size.toLocaleString('en-GB')} ${size === 1 ? 'customer' : 'customers'}`}</p>${person === undefined ? html`<p>${size ? 'Everybody in it stands for another segment here.' : 'Nobody yet. You can be the first: it is a matter of what you do in the shop.'}</p>` : aPerson(person)}</li>`,
    )}</ul>
<h2>The test of four offers</h2>
<p class="lead">Repeat visitors, drawn into four groups by a hash of their id: each stays in the same group.</p>
<ul class="people">${groups.map((person) => {
      const seen = person.sees[1];
      return html`<li class="person"><h3>Group “${seen?.group}”</h3><p class="quiet">${seen === undefined || seen === null ? null : previewInWords(seen)}</p>${aPerson(person)}</li>`;
    })}</ul>`,
  };
}

const placeNames = ['Home page', 'Offer bar', 'Basket'];

function aPerson({ customerId, fields, sees }: Person): Html {
  const last = fields['orders.last'];
  return html`<dl class="facts facts-small"><div><dt>Customer</dt><dd>${customerId}</dd></div><div><dt>Orders</dt><dd>${String(fields['orders.count'])}, £${Number(fields['orders.total']).toLocaleString('en-GB', { maximumFractionDigits: 0 })}</dd></div><div><dt>Last order</dt><dd>${typeof last === 'string' ? last.slice(0, 10) : 'none'}</dd></div>${sees.map((seen, index) => html`<div><dt>${placeNames[index]}</dt><dd>${seen === null ? 'no such campaign' : previewInWords(seen)}</dd></div>`)}</dl>
<form method="post" action="/demo/people" data-become="${customerId}"><button class="button button-quiet">Be customer ${customerId}</button></form>`;
}

export function explanationPage(decisionId: string, explanation: Explanation | null, attempt: number): Page {
  const base = { title: 'Why this?', context: { page_type: 'explanation' }, events: [] };
  if (explanation === null) {
    return {
      ...base,
      main: html`${crumbs(['Why this?'])}<div class="empty"><h1>Not recorded yet</h1><p>No answer <code>${decisionId}</code> is in the tables. An answer is recorded within seconds of being given.</p><p><a class="button" href="/demo/explain/${encodeURIComponent(decisionId)}?try=${attempt + 1}">Look again</a></p></div>`,
    };
  }
  const { recorded, recomputed, agrees, steps } = explanation;
  const names = [
    'decisionId',
    'time',
    'customerId',
    'campaignId',
    'contentId',
    'segmentId',
    'ruleId',
    'group',
    'reason',
    'playbook',
    'audience',
  ];
  const verdict = agrees === true ? 'the same' : agrees === false ? 'not the same' : 'not possible any more';
  return {
    ...base,
    main: html`${crumbs(['Why this?'])}<h1>Why customer ${recorded['customerId']} was shown ${recorded['contentId'] ?? 'nothing'}</h1>
<p class="lead">Computed again from the event log and the very snapshots that answered: ${verdict}.</p>
<ol class="steps">${steps.map((step) => html`<li>${step}</li>`)}</ol>
<h2>As it was recorded</h2><dl class="facts">${names.map((name) => html`<div><dt>${name}</dt><dd>${recorded[name] ?? 'none'}</dd></div>`)}</dl>
${recomputed === null ? null : html`<h2>Computed again</h2><dl class="facts"><div><dt>contentId</dt><dd>${recomputed.contentId ?? 'none'}</dd></div><div><dt>ruleId</dt><dd>${recomputed.ruleId ?? 'none'}</dd></div><div><dt>reason</dt><dd>${recomputed.reason}</dd></div></dl>`}`,
  };
}
