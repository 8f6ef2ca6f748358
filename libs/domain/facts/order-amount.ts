import { decimalOf, roundProduct } from './decimal.js';
import type { BehaviourProperties, ProductLine } from './facts.js';

/**
 * What an `Order Completed` is worth, in ten-thousandths (`moneyText` writes it): its `total`, or without one Σ price × quantity of its
 * `products` (quantity 1, price 0 when absent), summed exactly and rounded once, half away from zero. May be negative.
 */
export function orderAmount(properties: BehaviourProperties): bigint {
  const total = decimalOf(properties.total);
  if (total !== undefined) return total;
  let sum = 0n;
  for (const line of properties.products ?? []) sum += lineProduct(line);
  return roundProduct(sum);
}

/** What an `Order Refunded` gives back, never negative: the size of its `total`, or the sum of the sizes of each price × quantity. Signs do not matter. */
export function refundAmount(properties: BehaviourProperties): bigint {
  const total = decimalOf(properties.total);
  if (total !== undefined) return size(total);
  let sum = 0n;
  for (const line of properties.products ?? []) sum += size(lineProduct(line));
  return roundProduct(sum);
}

/** In hundred-millionths. */
function lineProduct(line: ProductLine): bigint {
  const price = decimalOf(line.price) ?? 0n;
  return price * (decimalOf(line.quantity) ?? 10_000n);
}

function size(value: bigint): bigint {
  return value < 0n ? -value : value;
}
