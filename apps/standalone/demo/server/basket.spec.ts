import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Catalogue } from '../catalogue/catalogue.js';
import { couponOf } from '../definitions/coupons.js';
import { billOf, changed, isOrderId, linesMax, newOrderId, quantityMax, readLines, readOrder, writeLines, writeOrder } from './basket.js';

const catalogue = Catalogue.open();
const product = (code: string) => catalogue.product(code) as NonNullable<ReturnType<typeof catalogue.product>>;
const cakeStand = product('22423');
const lunchBag = product('20725');

describe('the basket', () => {
  const empty = { lines: [], coupon: undefined };

  it('takes things in and out', () => {
    let basket = changed(changed(changed(empty, cakeStand, 1), lunchBag, 1), cakeStand, 1);
    expect(writeLines(basket.lines)).toBe('22423-2.20725-1');
    basket = changed(changed(basket, cakeStand, -1), lunchBag, -1);
    expect(writeLines(basket.lines)).toBe('22423-1');
    expect(changed(basket, cakeStand, -1000).lines).toEqual([]);
    expect(changed(basket, lunchBag, -1).lines).toEqual(basket.lines);
    expect(changed(basket, cakeStand, 1000).lines).toEqual([{ product: cakeStand, quantity: quantityMax }]);
  });

  it('adds up: goods, what the coupon takes off, postage', () => {
    const lines = [
      { product: cakeStand, quantity: 2 },
      { product: lunchBag, quantity: 1 },
    ];
    const bill = (code: string, of = lines) => billOf({ lines: of, coupon: couponOf(code) });
    expect(bill('')).toEqual({ items: 3, goods: 2715, discount: 0, postage: 295, total: 3010 });
    expect(bill('stay15')).toMatchObject({ discount: 407, postage: 295, total: 2603 });
    expect(bill(' TwentyFive ')).toMatchObject({ discount: 2500, total: 510 });
    expect(bill('POSTFREE')).toMatchObject({ discount: 0, postage: 0, total: 2715 });
    expect(bill('TWENTYFIVE', [{ product: lunchBag, quantity: 1 }])).toMatchObject({ goods: 165, discount: 165, total: 295 });
    expect(bill('', [{ product: cakeStand, quantity: 4 }])).toMatchObject({ goods: 5100, postage: 0 });
    expect(billOf(empty)).toEqual({ items: 0, goods: 0, discount: 0, postage: 0, total: 0 });
  });

  it('is read back as it was written, and takes no harm from any cookie', () => {
    const anyLine = fc.record({ product: fc.constantFrom(...catalogue.products), quantity: fc.integer({ min: 1, max: quantityMax }) });
    fc.assert(
      fc.property(fc.uniqueArray(anyLine, { selector: (line) => line.product.code, maxLength: linesMax }), (lines) => {
        expect(readLines(writeLines(lines), catalogue)).toEqual(lines);
        const order = { orderId: newOrderId(), lines, coupon: couponOf('TEN') };
        expect(readOrder(writeOrder(order), catalogue)).toEqual(lines.length === 0 ? undefined : order);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9A-Z.\-/]{0,60}$/)), (text) => {
        const lines = readLines(text, catalogue);
        expect(lines.every(({ quantity }) => quantity >= 1 && quantity <= quantityMax)).toBe(true);
        readOrder(text, catalogue);
      }),
    );
    expect(readLines('22423-2.22423-5.nope-1.20725-0.20725--1.20725-1e3', catalogue)).toEqual([{ product: cakeStand, quantity: 2 }]);
  });

  it('makes order ids that differ', () => {
    const ids = Array.from({ length: 100 }, newOrderId);
    expect(new Set(ids).size).toBe(100);
    expect(ids.every(isOrderId)).toBe(true);
    for (const text of ['', 'D-1', 'D-<script>00', 7, null, undefined]) expect(isOrderId(text)).toBe(false);
  });
});
