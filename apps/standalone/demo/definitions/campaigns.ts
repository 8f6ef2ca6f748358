/** Which segment sees what, where. The smallest priority wins. */

export interface CampaignDefinition {
  readonly campaignId: string;
  readonly name: string;
  /** Absent: whoever no rule takes sees the page's own. */
  readonly defaultContentId?: string;
  readonly rules: readonly object[];
}

const basketIsNotEmpty = { field: 'context.cart_items', op: 'gte', value: 1 };

export const demoCampaigns: readonly CampaignDefinition[] = [
  {
    campaignId: 'home',
    name: 'Home page, top',
    defaultContentId: 'hero-welcome',
    rules: [
      { ruleId: 'best', priority: 10, segmentId: 'best-customers', contentId: 'hero-first-look' },
      { ruleId: 'thank-you', priority: 20, segmentId: 'bought-today', contentId: 'hero-thank-you' },
      { ruleId: 'win-back', priority: 30, segmentId: 'lapsed', contentId: 'hero-we-miss-you' },
      { ruleId: 'undecided', priority: 40, segmentId: 'undecided', contentId: 'hero-help-choosing' },
      { ruleId: 'basket', priority: 50, segmentId: 'basket-filled', contentId: 'hero-basket-waits' },
      { ruleId: 'first-visit', priority: 60, segmentId: 'first-visit', contentId: 'hero-new-here' },
    ],
  },
  {
    campaignId: 'welcome-back',
    name: 'Four ways to welcome a repeat visitor',
    rules: [
      {
        ruleId: 'four-ways',
        priority: 10,
        segmentId: 'repeat-visitors',
        groups: [
          { groupId: 'nothing', weight: 2500, contentId: null, control: true },
          { groupId: 'ten', weight: 2500, contentId: 'welcome-back-ten' },
          { groupId: 'twenty', weight: 2500, contentId: 'welcome-back-twenty' },
          { groupId: 'twenty-five', weight: 2500, contentId: 'welcome-back-twenty-five' },
        ],
      },
    ],
  },
  {
    campaignId: 'aisle',
    name: 'Category and search pages',
    rules: [
      { ruleId: 'best', priority: 10, segmentId: 'best-customers', contentId: 'aisle-best' },
      {
        ruleId: 'christmas',
        priority: 20,
        when: { field: 'context.category', op: 'eq', value: 'christmas' },
        contentId: 'aisle-christmas',
      },
      { ruleId: 'searching', priority: 30, when: { field: 'context.page_type', op: 'eq', value: 'search' }, contentId: 'aisle-search' },
    ],
  },
  {
    campaignId: 'basket',
    name: 'Closing the sale: offers in the basket',
    rules: [
      { ruleId: 'stay', priority: 10, segmentId: 'undecided', when: basketIsNotEmpty, contentId: 'basket-stay' },
      { ruleId: 'back', priority: 20, segmentId: 'left-a-basket', when: basketIsNotEmpty, contentId: 'basket-back' },
      { ruleId: 'full', priority: 30, when: { field: 'context.cart_total', op: 'gte', value: 30 }, contentId: 'basket-postage' },
    ],
  },
  {
    campaignId: 'thanks',
    name: 'After the order',
    defaultContentId: 'thanks-plain',
    rules: [{ ruleId: 'coupon', priority: 10, segmentId: 'used-a-coupon', contentId: 'thanks-coupon' }],
  },
];
