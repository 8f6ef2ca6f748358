import { describe, expect, it } from '@jest/globals';
import { moneyText } from './decimal.js';
import { orderAmount, refundAmount } from './order-amount.js';

describe('what an order is worth', () => {
  it('is its total, whatever the products', () => {
    expect(moneyText(orderAmount({ total: '12.34', products: [{ price: '5', quantity: '2' }] }))).toBe('12.3400');
    expect(moneyText(orderAmount({ total: '0', products: [{ price: '5' }] }))).toBe('0.0000');
  });

  it('or price × quantity, without quantity 1, without price 0', () => {
    expect(moneyText(orderAmount({ products: [{ price: '7.5' }, { quantity: '4' }, { price: '5', quantity: '-2' }] }))).toBe('-2.5000');
    expect(moneyText(orderAmount({}))).toBe('0.0000');
  });

  it('is summed exactly and rounded once', () => {
    const half = { price: '0.0001', quantity: '0.5' };
    expect(moneyText(orderAmount({ products: [half] }))).toBe('0.0001');
    expect(moneyText(orderAmount({ products: [half, half] }))).toBe('0.0001');
    expect(moneyText(orderAmount({ products: [{ ...half, price: '-0.0001' }] }))).toBe('-0.0001');
  });
});

describe('what a refund gives back', () => {
  it('is of the same size whatever the signs', () => {
    for (const total of ['20', '-20']) expect(moneyText(refundAmount({ total }))).toBe('20.0000');
    expect(
      moneyText(
        refundAmount({
          products: [
            { price: '10', quantity: '-2' },
            { price: '3', quantity: '1' },
          ],
        }),
      ),
    ).toBe('23.0000');
  });
});
