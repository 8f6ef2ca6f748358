/**
 * The strip at the foot: what was decided for each slot of this page, and why; what the system knows of this visitor now; and, when what was
 * done here has reached the system, that another look would show something else. It never changes the page above by itself.
 */
(() => {
  const body = document.getElementById('strip-body');
  const { context } = JSON.parse(document.getElementById('page').textContent);
  const askEveryMs = 1000;
  /** What happened here is waited for so often, the second half of it less eagerly; then only when asked or when something is done. */
  const askTimesMax = 24;

  const slots = new Map();
  let customerId;
  let about;
  let problem;
  // Across the pages of this visit: what was known, and what is still waited for.
  const kept = (name) => JSON.parse(sessionStorage.getItem(name) ?? 'null') ?? undefined;
  const keep = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));
  let known = kept('demo.known') ?? {};
  let waitingFor = kept('demo.waiting');
  let coupons;
  let asksLeft = 0;
  let timer;

  const node = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  };
  const code = (text) => node('code', {}, String(text));
  const nameOf = (segmentId) => about?.customer.segments.find((segment) => segment.segmentId === segmentId)?.name;

  document.addEventListener('vitrine:slot', ({ target, detail }) => {
    const key = `${target.dataset.vtCampaign}:${target.dataset.vtPlacement}`;
    const text = (target.querySelector('h2, strong')?.textContent ?? target.textContent).trim().slice(0, 80);
    slots.set(key, { ...detail, text, campaignId: target.dataset.vtCampaign, placementId: target.dataset.vtPlacement });
    if (detail.decision) {
      customerId = detail.decision.customerId;
      explain(slots.get(key), 8);
    }
    ask(askTimesMax);
    show();
  });
  document.addEventListener('shop:did', ({ detail: { what, field } }) => {
    // Done again before the first was known: both are waited for.
    const counted = waitingFor?.field === field && waitingFor.arrivedMs === undefined ? waitingFor.expected : (known[field] ?? 0);
    waitingFor = { what, field, since: Date.now(), expected: counted + 1 };
    keep('demo.waiting', waitingFor);
    ask(askTimesMax);
    show();
  });

  /** The steps that led to an answer: known once the answer is recorded, which takes a moment. */
  async function explain(slot, times) {
    try {
      const response = await fetch(`/demo/why/${encodeURIComponent(slot.decision.decisionId)}`);
      if (response.status === 200) {
        const { steps, agrees } = await response.json();
        slot.steps = steps;
        slot.agrees = agrees;
        show();
        return;
      }
    } catch {
      // The strip says so where it asks about the visitor.
    }
    if (times > 0) setTimeout(explain, askEveryMs, slot, times - 1);
    else {
      slot.steps = [];
      show();
    }
  }

  function ask(times) {
    asksLeft = Math.max(asksLeft, times);
    clearTimeout(timer);
    timer = setTimeout(asking, 250);
  }

  async function asking() {
    if (document.hidden) return;
    asksLeft -= 1;
    // On a page without slots nobody has told: the cookie does.
    const query = new URLSearchParams(customerId === undefined ? {} : { c: customerId });
    for (const key of slots.keys()) query.append('slot', key);
    for (const [name, value] of Object.entries(context)) query.set(`x.${name}`, value);
    try {
      if (context.page_type === 'thanks')
        coupons = await fetch('/demo/coupons').then((response) => (response.ok ? response.json() : undefined));
      const response = await fetch(`/demo/about?${query}`);
      const answer = await response.json();
      if (response.status === 200) {
        about = answer;
        problem = undefined;
        known = about.customer.fields ?? {};
        keep('demo.known', known);
        if (waitingFor && waitingFor.arrivedMs === undefined && (known[waitingFor.field] ?? 0) >= waitingFor.expected) {
          waitingFor.arrivedMs = Date.now() - waitingFor.since;
          sessionStorage.removeItem('demo.waiting');
        }
      } else if (!response.ok) problem = answer.message;
    } catch {
      problem = 'The demo’s server does not answer';
    }
    show();
    if (asksLeft > 0) timer = setTimeout(asking, asksLeft > askTimesMax / 2 ? askEveryMs : 3 * askEveryMs);
  }

  const differing = () =>
    (about?.now ?? []).filter((now) => {
      const slot = now && slots.get(`${now.campaignId}:${now.placementId}`);
      return slot?.decision && (slot.decision.content?.contentId ?? null) !== now.contentId;
    });

  const drawn = new Map();

  /** Only what changed is put in anew; what is open stays open, and the keyboard stays where it is. */
  function show() {
    for (const [id, make] of [
      ['look', lookAgain],
      ['slots', slotList],
      ['visitor', visitor],
    ]) {
      const made = node('div', { class: `strip-${id}`, 'data-part': id, ...(id === 'look' && { role: 'status' }) }, make());
      if (drawn.get(id) === made.innerHTML) continue;
      drawn.set(id, made.innerHTML);
      const before = body.querySelector(`[data-part="${id}"]`);
      const open = new Set([...(before?.querySelectorAll('details[open]') ?? [])].map((one) => one.dataset.key));
      for (const details of made.querySelectorAll('details')) details.open = open.has(details.dataset.key);
      const focused = [...(before?.querySelectorAll(focusable) ?? [])].indexOf(document.activeElement);
      if (before) before.replaceWith(made);
      else body.append(made);
      if (focused >= 0) made.querySelectorAll(focusable)[focused]?.focus();
    }
    badge();
  }
  const focusable = 'a, button, summary';

  function lookAgain() {
    const changes = differing();
    const lines = [];
    if (waitingFor && waitingFor.arrivedMs === undefined) {
      lines.push(
        node(
          'p',
          { class: 'strip-wait' },
          asksLeft > 0
            ? `You ${waitingFor.what}. Waiting until the system knows …`
            : `You ${waitingFor.what}. That has not reached what the system knows of you.`,
        ),
      );
    }
    if (waitingFor?.arrivedMs !== undefined) {
      lines.push(
        node(
          'p',
          { class: 'strip-known' },
          `You ${waitingFor.what}, and ${(waitingFor.arrivedMs / 1000).toFixed(1)} s later the system knew.`,
        ),
      );
    }
    for (const { campaignId, words, segmentId, ruleId } of changes) {
      lines.push(
        node(
          'p',
          { class: 'strip-change' },
          'Asked now, ',
          code(campaignId),
          ' would show ',
          node('strong', {}, `“${words}”`),
          segmentId ? ` (segment ${segmentId}, rule ${ruleId})` : ruleId ? ` (rule ${ruleId})` : '',
          '.',
        ),
      );
    }
    if (coupons) {
      const { customers, orders, revenue } = coupons;
      lines.push(
        node(
          'p',
          {},
          `Of all who ever ordered with a coupon: ${customers} ${customers === 1 ? 'customer' : 'customers'}, ${orders} ${orders === 1 ? 'order' : 'orders'}, £${Number(revenue).toFixed(2)}.`,
        ),
      );
    }
    if (changes.length > 0) {
      const button = node('button', { class: 'button', type: 'button', id: 'look-again' }, 'Look again');
      button.addEventListener('click', () => location.reload());
      lines.push(node('p', {}, button));
    }
    return lines;
  }

  function slotList() {
    if (slots.size === 0) return [node('p', {}, 'This page has no slot of its own, or none is decided yet.')];
    return [
      node('h3', {}, 'Why you see this'),
      node(
        'ul',
        { class: 'strip-list' },
        inOrder().map((slot) => slotItem(slot)),
      ),
    ];
  }

  /** As they stand on the page. */
  function inOrder() {
    const places = [...document.querySelectorAll('[data-vt-campaign]')].map(
      ({ dataset }) => `${dataset.vtCampaign}:${dataset.vtPlacement}`,
    );
    return places.flatMap((place) => slots.get(place) ?? []);
  }

  function slotItem({ campaignId, placementId, decision, shown, why, text, steps, agrees }) {
    const head = node('p', { class: 'strip-slot' }, code(campaignId), ` at ${placementId}: `);
    if (shown === 'content') head.append(node('strong', {}, `“${text}”`));
    else if (shown === 'nothing') head.append(node('strong', {}, 'nothing, on purpose'), ': the control group of a test');
    else head.append('the page’s own content', why === 'no content' ? '' : ` (${why})`);
    if (!decision) return node('li', {}, head, node('p', {}, 'No decision reached this page.'));
    const { segmentId, ruleId, group, reason, playbook, audience, decisionId } = decision;
    const facts = [
      ['segment', segmentId && nameOf(segmentId) ? `${nameOf(segmentId)} (${segmentId})` : (segmentId ?? 'none')],
      ['rule', ruleId ?? 'none: the default'],
      ...(group === null ? [] : [['group', group]]),
      ['reason', reason],
      ['playbook', playbook],
      ['audience', audience ?? 'none yet'],
    ];
    const list = node(
      'dl',
      { class: 'strip-facts' },
      facts.map(([name, value]) => node('div', {}, node('dt', {}, name), node('dd', {}, value))),
    );
    const reasons =
      steps === undefined
        ? node('p', { class: 'strip-wait' }, 'The answer is on its way into the record …')
        : steps.length === 0
          ? node('p', {}, 'The record of this answer could not be had.')
          : node(
              'details',
              { 'data-key': decisionId },
              node('summary', {}, agrees ? 'Step by step, computed again from the record' : 'Step by step'),
              node(
                'ol',
                {},
                steps.map((step) => node('li', {}, step)),
              ),
            );
    return node(
      'li',
      {},
      head,
      list,
      reasons,
      node('p', {}, node('a', { href: `/demo/explain/${encodeURIComponent(decisionId)}` }, 'The whole explanation')),
    );
  }

  const fieldWords = {
    'visits.count': 'visits',
    'views.count': 'products viewed',
    'cart.adds': 'put into the basket',
    'cart.removes': 'taken out again',
    'orders.count': 'orders',
    'orders.total': 'spent, £',
    'coupons.used': 'coupons used',
    'content.served': 'answers served',
    'content.clicked': 'clicks on them',
    'arrival.source': 'came from',
  };

  function visitor() {
    const title = node('h3', {}, 'What the system knows of you');
    const again = node('button', { class: 'button button-quiet', type: 'button', id: 'ask-again' }, 'Ask again');
    again.addEventListener('click', () => {
      ask(askTimesMax / 2 + 3);
      again.disabled = true;
    });
    if (problem)
      return [
        title,
        node('p', { class: 'strip-problem' }, `${problem}. The shop works on; what is decided is decided by the nodes alone.`),
        again,
      ];
    if (!about) return [title, node('p', { class: 'strip-wait' }, 'Asking …')];
    const { customer, audience } = about;
    const who = node('p', {}, 'Customer ', code(customer.customerId), '. ');
    if (!customer.fields) who.append('It does not know you yet: nothing you did has reached its tables.');
    const segments =
      customer.segments.length === 0
        ? ['You are in no segment.']
        : customer.segments.map(({ segmentId, name }) => node('span', { class: 'chip', title: segmentId }, name));
    const fields = Object.entries(fieldWords).filter(([field]) => customer.fields && customer.fields[field] !== null);
    return [
      title,
      who,
      node('p', { class: 'chips' }, segments),
      node(
        'dl',
        { class: 'strip-facts' },
        fields.map(([field, words]) => node('div', {}, node('dt', {}, words), node('dd', {}, shown(customer.fields[field])))),
      ),
      node('p', { class: 'quiet' }, audience ? `Segments by the audience ${audience.version}, the newest.` : 'There is no audience yet.'),
      again,
    ];
  }

  const shown = (value) => (typeof value === 'string' && /^-?\d+\.\d{4}$/.test(value) ? Number(value).toFixed(2) : String(value));

  /** A small link at the window's foot, so that nobody has to scroll to learn that something changed. */
  const link = node('a', { class: 'badge', href: '#strip' });
  document.body.append(link);
  function badge() {
    const changes = differing().length;
    link.classList.toggle('badge-news', changes > 0);
    const waits = waitingFor && waitingFor.arrivedMs === undefined && asksLeft > 0;
    link.textContent = changes > 0 ? 'You would now see something else' : waits ? 'The system is taking it in …' : 'Why do I see this?';
  }
  new IntersectionObserver(([{ isIntersecting }]) => link.classList.toggle('badge-unneeded', isIntersecting)).observe(body);
  ask(askTimesMax);
  show();
  document.addEventListener('visibilitychange', () => document.hidden || ask(askTimesMax / 2 + 2));
})();
