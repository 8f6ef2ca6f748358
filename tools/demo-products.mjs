/**
 * Derives what the demo shop sells from the slice of Online Retail: `npm run build && node tools/demo-products.mjs`. The rules for names, prices and
 * categories stand in apps/standalone/demo/catalogue/; a spec there compares the committed file with what they lead to.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { deriveProducts } from '../dist/apps/standalone/demo/catalogue/derive.js';

const data = new URL('../apps/standalone/demo/data/', import.meta.url);
const products = deriveProducts(gunzipSync(readFileSync(new URL('online-retail-slice.csv.gz', data))).toString('utf8'));
const rows = products.map((product) => JSON.stringify(product)).join(',\n');
writeFileSync(new URL('products.json', data), `[\n${rows}\n]\n`);
console.log(`${products.length} products`);
