/** The demo's client. Its customers are real (data/README.md); nothing that they are shown is decided here. */
export const demoClient = {
  clientId: 'giftshop',
  name: 'A gift shop (UCI Online Retail)',
  timeZone: 'Europe/London',
  currency: 'GBP',
  origins: [],
  snapshotIntervalSeconds: 900,
};
