import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { demoFile } from '../files.js';
import { Catalogue } from './catalogue.js';
import { buyersMin, deriveProducts } from './derive.js';
import { presentableName } from './naming.js';
import { categories } from './sorting.js';

const catalogue = Catalogue.open();

describe('what the demo shop sells', () => {
  it('is what the rules lead to from the slice (node tools/demo-products.mjs)', () => {
    const slice = gunzipSync(demoFile('data/online-retail-slice.csv.gz')).toString('utf8');
    expect(deriveProducts(slice)).toEqual(catalogue.products);
  });

  it('is what enough customers bought, has a price and stands on one shelf; no shelf is empty', () => {
    expect(catalogue.products.length).toBeGreaterThan(250);
    for (const product of catalogue.products) {
      expect(product.buyers).toBeGreaterThanOrEqual(buyersMin);
      expect(product.pence).toBeGreaterThan(0);
      expect(Number.isInteger(product.pence)).toBe(true);
      expect(categories.filter(({ categoryId }) => categoryId === product.categoryId)).toHaveLength(1);
    }
    for (const { categoryId } of categories) expect(catalogue.of(categoryId).length).toBeGreaterThan(10);
  });

  it('takes the description and the price that stand on most lines of orders, never of cancellations', () => {
    const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
    const buyers = Array.from({ length: buyersMin }, (_, index) => `${index},22423,REGENCY CAKESTAND 3 TIER,1,t,12.75,${index}.0,UK`);
    const odd = ['1,22423,faulty,1,t,10.95,1.0,UK', 'C2,22423,OTHER CAKESTAND,-1,t,1.00,1.0,UK', '3,POST,POSTAGE CAKE,1,t,18.0,1.0,UK'];
    const quoted = buyers.map((row) => row.replace('22423', '85123').replace('REGENCY CAKESTAND 3 TIER', '"CAKE TIN, ""ROUND"""'));
    expect(deriveProducts([header, ...buyers, ...odd, ...quoted].join('\n'))).toEqual([
      {
        code: '22423',
        description: 'REGENCY CAKESTAND 3 TIER',
        name: 'Regency Cake Stand 3 Tier',
        pence: 1275,
        categoryId: 'baking',
        buyers: 50,
      },
      { code: '85123', description: 'CAKE TIN, "ROUND"', name: 'Cake Tin, "Round"', pence: 1275, categoryId: 'baking', buyers: 50 },
    ]);
  });

  it('has names that one can read', () => {
    expect(presentableName('SET/20 RED RETROSPOT PAPER NAPKINS ')).toBe('Set of 20 Red Retro Spot Paper Napkins');
    expect(presentableName('WHITE HANGING HEART T-LIGHT HOLDER')).toBe('White Hanging Heart T-Light Holder');
    expect(presentableName("PAPER CHAIN KIT 50'S CHRISTMAS ")).toBe("Paper Chain Kit 50's Christmas");
    expect(presentableName('DOORMAT KEEP CALM AND COME IN')).toBe('Doormat Keep Calm and Come In');
    expect(presentableName('LUNCH BAG  BLACK SKULL.')).toBe('Lunch Bag Black Skull');
    for (const { name } of catalogue.products) expect(name).not.toMatch(/ {2}|\b[A-Z]{4,}\b|^[a-z]|\s$/);
  });

  it('is found by the words of its name, in any order, and by nothing else', () => {
    expect(catalogue.search('heart holder').map(({ code }) => code)).toContain('85123A');
    expect(catalogue.search('BUNTING').length).toBeGreaterThan(5);
    for (const text of ['', '   ', '%', '<script>', 'x'.repeat(100_000)]) expect(catalogue.search(text)).toEqual([]);
  });

  it('is drawn, each always in the same way, as an image that loads nothing', () => {
    const again = Catalogue.open();
    for (const product of catalogue.products) {
      const picture = catalogue.picture(product);
      expect(again.picture(product)).toBe(picture);
      expect(picture).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 400 400">.*<\/svg>$/s);
      expect(picture).not.toMatch(/undefined|NaN|<script|href|<image/);
      expect(picture.length).toBeLessThan(6000);
    }
    expect(new Set(catalogue.products.map((product) => catalogue.picture(product))).size).toBeGreaterThan(150);
  });

  it('leads from every product to others of its shelf', () => {
    for (const product of catalogue.products) {
      const besides = catalogue.besides(product, 4);
      expect(besides).toHaveLength(4);
      expect(besides).not.toContain(product);
    }
  });
});
