/** The basket and the order, as the browser keeps them in cookies of the shop, and what they come to. Amounts are whole pence. */
import { randomBytes } from 'node:crypto';
import type { Catalogue, Product } from '../catalogue/catalogue.js';
import { type Coupon, couponOf } from '../definitions/coupons.js';

export interface Line {
  readonly product: Product;
  readonly quantity: number;
}

export interface Basket {
  readonly lines: readonly Line[];
  readonly coupon: Coupon | undefined;
}

export interface Bill {
  readonly items: number;
  readonly goods: number;
  readonly discount: number;
  readonly postage: number;
  readonly total: number;
}

export interface Order extends Basket {
  readonly orderId: string;
}

export const linesMax = 40;
export const quantityMax = 99;
const postagePence = 295;
const postageFreeFromPence = 5000;

export function billOf({ lines, coupon }: Basket): Bill {
  const goods = lines.reduce((sum, { product, quantity }) => sum + product.pence * quantity, 0);
  const discount = Math.min(goods, Math.round((goods * (coupon?.percent ?? 0)) / 100) + (coupon?.pence ?? 0));
  const isFree = goods === 0 || goods >= postageFreeFromPence || coupon?.postageFree === true;
  const postage = isFree ? 0 : postagePence;
  return { items: lines.reduce((sum, { quantity }) => sum + quantity, 0), goods, discount, postage, total: goods - discount + postage };
}

/** The basket with so many more (or fewer) of a product; 0 or fewer takes it out. Past a limit it stays as it is. */
export function changed({ lines, coupon }: Basket, product: Product, by: number): Basket {
  const before = lines.find((line) => line.product.code === product.code);
  if (before === undefined && lines.length >= linesMax) return { lines, coupon };
  const quantity = Math.min(quantityMax, (before?.quantity ?? 0) + by);
  const line = { product, quantity };
  const after = before === undefined ? [...lines, line] : lines.map((other) => (other === before ? line : other));
  return { lines: after.filter((kept) => kept.quantity > 0), coupon };
}

/** `22423-2.85123A-1`; what is no product of ours, or no number, is left out. */
export function readLines(text: string | undefined, catalogue: Catalogue): readonly Line[] {
  const lines: Line[] = [];
  for (const entry of (text ?? '').slice(0, 2000).split('.')) {
    const [, code = '', digits = ''] = /^([0-9A-Z]{5,7})-(\d{1,2})$/.exec(entry) ?? [];
    const product = catalogue.product(code);
    const quantity = Number(digits);
    if (product !== undefined && quantity > 0 && lines.length < linesMax && !lines.some((line) => line.product === product))
      lines.push({ product, quantity });
  }
  return lines;
}

export function writeLines(lines: readonly Line[]): string {
  return lines.map(({ product, quantity }) => `${product.code}-${quantity}`).join('.');
}

const orderIdForm = /^D-[0-9A-HJKMNP-TV-Z]{10}$/;

/** An id for the order that a checkout page would place: made with the page, so that sending its form twice is one order. */
export function newOrderId(): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return `D-${[...randomBytes(10)].map((byte) => alphabet[byte % 32]).join('')}`;
}

export function isOrderId(text: unknown): text is string {
  return typeof text === 'string' && orderIdForm.test(text);
}

/** `<id>/<coupon>/<lines>`. */
export function writeOrder({ orderId, coupon, lines }: Order): string {
  return `${orderId}/${coupon?.code ?? ''}/${writeLines(lines)}`;
}

/** Undefined when there is none, or nothing of it can be read. */
export function readOrder(text: string | undefined, catalogue: Catalogue): Order | undefined {
  const [orderId, coupon = '', lines] = (text ?? '').split('/');
  const read = readLines(lines, catalogue);
  return isOrderId(orderId) && read.length > 0 ? { orderId, coupon: couponOf(coupon), lines: read } : undefined;
}

export function pounds(pence: number): string {
  return `£${(pence / 100).toFixed(2)}`;
}

/** As behaviour events say amounts: `12.75`. */
export function amount(pence: number): string {
  return (pence / 100).toFixed(2);
}
