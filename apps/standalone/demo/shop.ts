/** The demo client: what a merchant would define in the admin. Its customers are real (data/README.md); nothing they are shown is decided here. */
export const demoClient = {
  clientId: 'giftshop',
  name: 'A gift shop (UCI Online Retail)',
  timeZone: 'Europe/London',
  currency: 'GBP',
  origins: [],
  snapshotIntervalSeconds: 900,
};

const banner = (heading: string, line: string) =>
  `<section style="font:16px/1.5 system-ui;padding:24px;border-radius:12px;background:#f4efe6"><h2 style="margin:0">${heading}</h2><p style="margin:8px 0 0">${line}</p></section>`;

const shop = 'https://giftshop.example';

export const demoContents = [
  { contentId: 'welcome', type: 'HTML', body: banner('Gifts for every occasion', 'Have a look around.'), destination: `${shop}/all` },
  {
    contentId: 'first-look',
    type: 'HTML',
    body: banner('First look', 'The new collection, a day before everybody else.'),
    destination: `${shop}/first-look`,
  },
  {
    contentId: 'we-miss-you',
    type: 'HTML',
    body: banner('It has been a while', 'Postage is on us this week.'),
    destination: `${shop}/postage-free`,
  },
  { contentId: 'ten-percent', type: 'HTML', body: banner('10 % off', 'For coming back: code TEN.'), destination: `${shop}/offers/ten` },
  {
    contentId: 'twenty-percent',
    type: 'HTML',
    body: banner('20 % off', 'For coming back: code TWENTY.'),
    destination: `${shop}/offers/twenty`,
  },
  {
    contentId: 'twenty-five-pounds',
    type: 'HTML',
    body: banner('£25 off', 'For coming back: code TWENTYFIVE.'),
    destination: `${shop}/offers/twenty-five`,
  },
];

export const demoSegments = [
  { segmentId: 'best-customers', name: 'Spent £5,000 or more', criteria: { field: 'orders.total', op: 'gte', value: 5000 } },
  {
    segmentId: 'lapsed',
    name: 'Bought, but not in the last 90 days',
    criteria: {
      all: [
        { field: 'orders.count', op: 'gte', value: 1 },
        { field: 'orders.last', op: 'olderThan', value: '90d' },
      ],
    },
  },
  { segmentId: 'repeat-buyers', name: 'Bought more than once', criteria: { field: 'orders.count', op: 'gt', value: 1 } },
];

export const demoCampaign = { campaignId: 'home', name: 'Home page, top', defaultContentId: 'welcome' };

/** By priority; repeat buyers in four groups of a quarter each, one of which is shown nothing. */
export const demoRules = [
  { ruleId: 'best', priority: 10, segmentId: 'best-customers', contentId: 'first-look' },
  { ruleId: 'win-back', priority: 20, segmentId: 'lapsed', contentId: 'we-miss-you' },
  {
    ruleId: 'four-ways',
    priority: 30,
    segmentId: 'repeat-buyers',
    groups: [
      { groupId: 'nothing', weight: 2500, contentId: null, control: true },
      { groupId: 'ten', weight: 2500, contentId: 'ten-percent' },
      { groupId: 'twenty', weight: 2500, contentId: 'twenty-percent' },
      { groupId: 'twenty-five', weight: 2500, contentId: 'twenty-five-pounds' },
    ],
  },
];
