/** What the shop sells: data/products.json, looked up in the ways that pages need. */
import { demoFile } from '../files.js';
import { drawProduct } from '../pictures/picture.js';
import type { Product } from './derive.js';
import { type Category, categories } from './sorting.js';

export type { Category, Product };

/** The longest search that is looked at; what is behind it is cut off. */
export const searchLengthMax = 80;

export class Catalogue {
  private readonly byCode: ReadonlyMap<string, Product>;
  private readonly pictures = new Map<string, string>();

  constructor(readonly products: readonly Product[]) {
    this.byCode = new Map(products.map((product) => [product.code, product]));
  }

  static open(): Catalogue {
    // Written by tools/demo-products.mjs from what `deriveProducts` returned; a spec compares them.
    return new Catalogue(JSON.parse(demoFile('data/products.json').toString('utf8')) as Product[]);
  }

  product(code: string): Product | undefined {
    return this.byCode.get(code);
  }

  get categories(): readonly Category[] {
    return categories;
  }

  category(categoryId: string): Category | undefined {
    return categories.find((category) => category.categoryId === categoryId);
  }

  /** The most bought first. */
  of(categoryId: string): readonly Product[] {
    return this.products.filter((product) => product.categoryId === categoryId);
  }

  /** Products whose name holds every word of the text, the most bought first; none for a text without words. */
  search(text: string): readonly Product[] {
    const words = wordsOf(text.slice(0, searchLengthMax));
    if (words.length === 0) return [];
    return this.products.filter(({ name }) => {
      const inName = wordsOf(name).join(' ');
      return words.every((word) => inName.includes(word));
    });
  }

  /** Others of its category, beginning after it, so that every product leads to different ones. */
  besides(product: Product, count: number): readonly Product[] {
    const same = this.of(product.categoryId);
    const at = same.findIndex(({ code }) => code === product.code);
    return [...same.slice(at + 1), ...same.slice(0, at)].slice(0, count);
  }

  /** Its SVG, drawn once. */
  picture(product: Product): string {
    const drawn = this.pictures.get(product.code) ?? drawProduct(product);
    this.pictures.set(product.code, drawn);
    return drawn;
  }
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}
