/** The shop's own coupons: what a code takes off. The contents name the codes, the till reads them, the orders carry them. */

export interface Coupon {
  readonly code: string;
  /** In words, after "you get". */
  readonly gives: string;
  readonly percent?: number;
  readonly pence?: number;
  readonly postageFree?: boolean;
}

const all: readonly Coupon[] = [
  { code: 'TEN', gives: '10 % off', percent: 10 },
  { code: 'TWENTY', gives: '20 % off', percent: 20 },
  { code: 'TWENTYFIVE', gives: '£25 off', pence: 2500 },
  { code: 'STAY15', gives: '15 % off', percent: 15 },
  { code: 'BACK10', gives: '10 % off', percent: 10 },
  { code: 'POSTFREE', gives: 'free postage', postageFree: true },
];

/** As a customer types it; undefined for what is no code. */
export function couponOf(text: string): Coupon | undefined {
  const code = text.trim().toUpperCase();
  return all.find((coupon) => coupon.code === code);
}
