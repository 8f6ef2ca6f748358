/** The shop's own script: tells the tag what happens here, in the commerce names; adds to the basket without leaving the page. */
(() => {
  const vitrine = window.vitrine ?? [];
  window.vitrine = vitrine;
  const { context, events } = JSON.parse(document.getElementById('page').textContent);
  vitrine.push(['context', context]);
  for (const [type, properties] of events) vitrine.push(['track', type, properties]);

  const said = document.getElementById('said');
  const count = document.getElementById('basket-count');
  /** For the strip: something was done that the system is to know of, by which field of the customer it shows. */
  const did = (what, field) => document.dispatchEvent(new CustomEvent('shop:did', { detail: { what, field } }));
  const put = ['put something into the basket', 'cart.adds'];
  const took = ['took something out of the basket', 'cart.removes'];
  /** For the strip of the page that comes next; the strips are made after this script. */
  const later = (...acts) => sessionStorage.setItem('demo.did', JSON.stringify(acts));
  const earlier = JSON.parse(sessionStorage.getItem('demo.did') ?? '[]');
  sessionStorage.removeItem('demo.did');
  for (const [type, { order_id: orderId }] of events) {
    // The same order's page, looked at again, is no second order.
    if (type !== 'Order Completed' || sessionStorage.getItem('demo.order') === orderId) continue;
    sessionStorage.setItem('demo.order', orderId);
    earlier.push(['placed an order', 'orders.count']);
  }
  document.addEventListener('DOMContentLoaded', () => {
    for (const act of earlier) did(...act);
  });

  // A new customer has no session of an old one.
  const become = (customerId) => {
    sessionStorage.clear();
    vitrine.push(['customer', customerId]);
    location.assign('/demo/');
  };

  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.dataset.become !== undefined) {
      event.preventDefault();
      become(form.dataset.become);
    } else if (form.dataset.add !== undefined) {
      event.preventDefault();
      add(form, event.submitter).catch(() => form.submit());
    } else if (form.dataset.new !== undefined) {
      sessionStorage.clear();
    } else if (form.dataset.change !== undefined) {
      changed(JSON.parse(form.dataset.product), event.submitter?.value);
    }
  });

  async function add(form, button) {
    // At once: whoever leaves the page now has put it into the basket all the same.
    vitrine.push(['track', 'Product Added', JSON.parse(form.dataset.product)]);
    const body = new URLSearchParams(new FormData(form));
    const response = await fetch(form.getAttribute('action'), { method: 'POST', headers: { accept: 'application/json' }, body });
    const { name, items } = await response.json();
    count.textContent = items;
    said.textContent = `${name} is in your basket. ${items} in all.`;
    button.classList.add('done');
    setTimeout(() => button.classList.remove('done'), 1600);
    did(...put);
  }

  /** The page is left next: the tag sends what it holds when that happens. */
  function changed(product, action) {
    if (action === 'more') vitrine.push(['track', 'Product Added', { ...product, quantity: 1 }]);
    if (action === 'less') vitrine.push(['track', 'Product Removed', { ...product, quantity: 1 }]);
    if (action === 'remove') vitrine.push(['track', 'Product Removed', product]);
    later(action === 'more' ? put : took);
  }

  fetch('/demo/facts')
    .then((response) => (response.ok ? response.json() : {}))
    .then(({ setUpAt }) => {
      if (!setUpAt) return;
      const day = new Date(setUpAt).toLocaleDateString('en-GB', {
        day: 'numeric',
        month: 'long',
        year: 'numeric',
        timeZone: 'Europe/London',
      });
      document.getElementById('moved-times').textContent =
        `The orders are of December 2010 to December 2011. Their times were moved by whole days when this demo was set up, so that they end on that day: ${day}.`;
    })
    .catch(() => undefined);
})();
