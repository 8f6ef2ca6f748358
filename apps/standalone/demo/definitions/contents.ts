/**
 * What visitors may be shown: pieces of the shop's own HTML, in the classes of its stylesheet. Links are relative, so that they stay on the
 * address by which the visitor reached the shop; the tag reports clicks on them.
 */

export interface ContentDefinition {
  readonly contentId: string;
  readonly type: 'HTML';
  readonly body: string;
}

interface Promotion {
  readonly tone: 'rose' | 'sage' | 'sky' | 'sand' | 'plum' | 'honey';
  readonly kicker: string;
  readonly heading: string;
  readonly text: string;
  readonly link: readonly [address: string, words: string];
  /** Codes of products whose pictures stand beside it. */
  readonly pictures: readonly string[];
}

const hero = (contentId: string, { tone, kicker, heading, text, link: [address, words], pictures }: Promotion): ContentDefinition => ({
  contentId,
  type: 'HTML',
  body: `<div class="promo promo-${tone}"><div class="promo-words"><p class="kicker">${kicker}</p><h2>${heading}</h2><p>${text}</p><p><a class="button" href="${address}">${words}</a></p></div><div class="promo-pictures">${pictures.map((code) => `<img src="/demo/pictures/${code}.svg" width="400" height="400" alt="">`).join('')}</div></div>`,
});

const bar = (
  contentId: string,
  tone: 'rose' | 'sage' | 'sky' | 'honey',
  text: string,
  link?: readonly [string, string],
): ContentDefinition => ({
  contentId,
  type: 'HTML',
  body: `<div class="notice notice-${tone}"><p>${text}</p>${link === undefined ? '' : `<a class="button button-small" href="${link[0]}">${link[1]}</a>`}</div>`,
});

const codeLink = (code: string): readonly [string, string] => [`/demo/cart?coupon=${code}`, `Use ${code}`];

export const demoContents: readonly ContentDefinition[] = [
  // Home page, top.
  hero('hero-welcome', {
    tone: 'sand',
    kicker: 'Since the first tea party',
    heading: 'Small gifts, well chosen',
    text: 'Bunting, biscuit tins and everything that makes a kitchen a home.',
    link: ['/demo/c/baking', 'Look around'],
    pictures: ['22423', '47566', '22720'],
  }),
  hero('hero-new-here', {
    tone: 'sky',
    kicker: 'New here?',
    heading: 'Start with what everybody takes home',
    text: 'Our most bought pieces, from the cake stand to the little bird.',
    link: ['/demo/c/home', 'See the favourites'],
    pictures: ['85123A', '84879', '22469'],
  }),
  hero('hero-basket-waits', {
    tone: 'honey',
    kicker: 'Good choice',
    heading: 'Your basket is waiting for you',
    text: 'What you put in is still there. Two more clicks and it is on its way.',
    link: ['/demo/cart', 'Go to my basket'],
    pictures: ['20725', '22386', '22411'],
  }),
  hero('hero-help-choosing', {
    tone: 'plum',
    kicker: 'In, out, in, out …',
    heading: 'Hard to decide? We do the wrapping',
    text: 'Look in your basket: there is something in it for people who take their time.',
    link: ['/demo/cart', 'What is in my basket?'],
    pictures: ['23231', '23230', '21498'],
  }),
  hero('hero-thank-you', {
    tone: 'sage',
    kicker: 'Thank you for your order',
    heading: 'Something to go with it?',
    text: 'While we pack: ribbons, gift tags and paper for the other half of the present.',
    link: ['/demo/c/party', 'Paper & Party'],
    pictures: ['22077', '22585', '23350'],
  }),
  hero('hero-first-look', {
    tone: 'plum',
    kicker: 'For our best customers',
    heading: 'First look: the winter table',
    text: 'The new collection, a day before everybody else sees it.',
    link: ['/demo/c/christmas', 'See it first'],
    pictures: ['22699', '23173', '22423'],
  }),
  hero('hero-we-miss-you', {
    tone: 'rose',
    kicker: 'It has been a while',
    heading: 'Come and see what is new',
    text: 'Hot water bottles, hand warmers and a night light: the evenings are long.',
    link: ['/demo/c/cosy', 'Warm & Cosy'],
    pictures: ['23355', '22865', '84029E'],
  }),

  // The four-way test: a bar at the top of the pages. One group is shown nothing.
  bar('welcome-back-ten', 'rose', '<strong>Welcome back: 10 % off</strong> your next order.', codeLink('TEN')),
  bar('welcome-back-twenty', 'rose', '<strong>Welcome back: 20 % off</strong> your next order.', codeLink('TWENTY')),
  bar('welcome-back-twenty-five', 'rose', '<strong>Welcome back: £25 off</strong> your next order.', codeLink('TWENTYFIVE')),

  // Category and search pages.
  bar('aisle-christmas', 'sage', '<strong>The tree is not up yet?</strong> Paper chains keep from year to year.'),
  bar('aisle-search', 'sky', '<strong>Looking for a present?</strong> Paper &amp; Party has what goes round it.', [
    '/demo/c/party',
    'Have a look',
  ]),
  bar('aisle-best', 'honey', '<strong>For our best customers:</strong> gift wrapping is on us, in every order.'),

  // The basket: offers that hold only if this order is completed.
  bar(
    'basket-stay',
    'honey',
    '<strong>Keep it this time: 15 % off this order</strong> if you complete it now. Code STAY15 ends with this basket.',
    codeLink('STAY15'),
  ),
  bar(
    'basket-back',
    'honey',
    '<strong>You left a basket here before: 10 % off</strong> if you complete this one. Code BACK10.',
    codeLink('BACK10'),
  ),
  bar(
    'basket-postage',
    'sage',
    '<strong>That is a full basket: postage is on us.</strong> Code POSTFREE, for this order.',
    codeLink('POSTFREE'),
  ),

  // After the order.
  bar('thanks-coupon', 'sage', '<strong>Your code is used up</strong>, and counted: this order is a result of the offer that brought it.'),
  bar(
    'thanks-plain',
    'sky',
    '<strong>See you soon.</strong> From your next visit on you are a repeat visitor, and in the test of four offers.',
  ),
];
