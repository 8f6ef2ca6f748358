/** From the order lines of the data to what the shop sells. Run by tools/demo-products.mjs; the outcome is committed as data/products.json. */
import { presentableName } from './naming.js';
import { categoryOf } from './sorting.js';

export interface Product {
  /** The data's StockCode. */
  readonly code: string;
  /** As the data has it, most often. */
  readonly description: string;
  readonly name: string;
  /** The price on most of its order lines, in pence. */
  readonly pence: number;
  readonly categoryId: string;
  /** Known customers of the data who bought it. */
  readonly buyers: number;
}

/** What fewer customers bought is not sold in the demo shop. */
export const buyersMin = 50;

interface Seen {
  readonly descriptions: Map<string, number>;
  readonly prices: Map<string, number>;
  readonly buyers: Set<string>;
}

/** The most bought first. `csv`: the slice as text, header included; cancellations, postage and corrections (codes that are no article's) are left out. */
export function deriveProducts(csv: string): Product[] {
  const articles = new Map<string, Seen>();
  for (const line of csv.split('\n').slice(1)) {
    const [invoice = '', code = '', description = '', quantity = '', , price = '', customer = ''] = cellsOf(line);
    if (
      !/^\d+$/.test(invoice) ||
      !/^\d{5}[A-Z]{0,2}$/.test(code) ||
      Number(quantity) <= 0 ||
      Number(price) <= 0 ||
      description.trim() === ''
    )
      continue;
    const seen = articles.get(code) ?? { descriptions: new Map(), prices: new Map(), buyers: new Set() };
    articles.set(code, seen);
    count(seen.descriptions, description.replaceAll(/\s+/g, ' ').trim());
    count(seen.prices, price);
    if (customer !== '') seen.buyers.add(customer);
  }
  const products: Product[] = [];
  for (const [code, { descriptions, prices, buyers }] of articles) {
    const description = mostOften(descriptions);
    const categoryId = categoryOf(description);
    if (buyers.size < buyersMin || categoryId === undefined) continue;
    const pence = Math.round(Number(mostOften(prices)) * 100);
    products.push({ code, description, name: presentableName(description), pence, categoryId, buyers: buyers.size });
  }
  return products.sort((a, b) => b.buyers - a.buyers || (a.code < b.code ? -1 : 1));
}

/** A row's cells; a quoted one may hold commas and doubled quotes. The data has no line breaks within cells. */
function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

function count(counts: Map<string, number>, value: string): void {
  counts.set(value, (counts.get(value) ?? 0) + 1);
}

/** Of equally many the one that sorts first, so that the outcome is always the same. */
function mostOften(counts: ReadonlyMap<string, number>): string {
  let best = '';
  let times = 0;
  for (const [value, n] of counts) if (n > times || (n === times && value < best)) [best, times] = [value, n];
  return best;
}
