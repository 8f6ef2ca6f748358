import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { tagScript } from './tag-script.js';

describe('the built tag', () => {
  it('is less than 5 kB gzipped, and one script that leaves nothing global', () => {
    const { bytes, gzipped, etag } = tagScript();
    expect(gzipped.length).toBeLessThan(5000);
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    const names = ['window', 'document', 'location', 'console', 'addEventListener'];
    // A page without the tag's script element: it finds no client and does nothing.
    const page = { currentScript: null, querySelector: () => null };
    const before = Object.keys(globalThis);
    new Function(...names, `'use strict';${bytes.toString('utf8')}`)({}, page, { search: '' }, console, () => undefined);
    expect(Object.keys(globalThis)).toEqual(before);
  });
});

describe('its types', () => {
  const right = `
    window.vitrine ??= [];
    window.vitrine.until = performance.now() + 800;
    window.vitrine.push(['track', 'Cart Viewed'], ['track', 'Page Viewed', { url: 'https://shop.example/' }]);
    window.vitrine.push(['track', 'Product Added', { product_id: 'mug-1', price: 4.5, quantity: 2, currency: 'GBP', colour: 'red' }]);
    window.vitrine.push(['track', 'Order Completed', { order_id: 1001, total: '4.50', coupon: 'TEN', products: [{ product_id: 7, quantity: 1 }] }]);
    window.vitrine.push(['context', { page_type: 'cart', cart_items: 3, member: true }]);
    window.vitrine.push(['page', { url: '/b', referrer: '/a', context: { page_type: 'home' } }], ['page']);
    window.vitrine.push(['customer', 'ann'], ['customer', 42], ['consent', true]);
    document.addEventListener('vitrine:slot', ({ detail, target }) => {
      const words: string = detail.why;
      if (detail.decision?.content?.type === 'json') JSON.parse(detail.decision.content.body ?? words);
    });`;
  const wrong = [
    `window.vitrine?.push(['trak', 'Cart Viewed']);`,
    `window.vitrine?.push(['track', 'Order Done', { order_id: 'a' }]);`,
    `window.vitrine?.push(['track', 'Product Added']);`,
    `window.vitrine?.push(['track', 'Product Added', { price: 4.5 }]);`,
    `window.vitrine?.push(['track', 'Products Searched', { query: 5 }]);`,
    `window.vitrine?.push(['track', 'Order Completed', { order_id: 'a', total: {} }]);`,
    `window.vitrine?.push(['track', 'Order Refunded', { order_id: 'a' }]);`,
    `window.vitrine?.push(['context', { cart: { items: 3 } }]);`,
    `window.vitrine?.push(['customer', null]);`,
    `window.vitrine?.push(['consent', 'yes']);`,
    `window.vitrine?.push('track', 'Cart Viewed');`,
    `window.vitrine.push(['consent', true]);`,
    `document.addEventListener('vitrine:slot', ({ detail }) => detail.decision.content);`,
  ];

  it('take right calls and refuse wrong ones', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vitrine-tag-'));
    try {
      const pages = [right, ...wrong].map((text, index) => {
        writeFileSync(join(folder, `page-${index}.ts`), `${text}\nexport {};`);
        return `page-${index}.ts`;
      });
      const declarations = fileURLToPath(new URL('./types/vitrine-tag.d.ts', import.meta.url));
      const compilerOptions = { strict: true, noEmit: true, target: 'es2020', lib: ['dom', 'es2021'], types: [] };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [declarations, ...pages] }));
      const compiler = fileURLToPath(new URL('../../node_modules/typescript7/bin/tsc', import.meta.url));
      const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { cwd: folder, encoding: 'utf8' });
      const refused = new Set([...stdout.matchAll(/^(\S+)\(\d+,\d+\): error /gm)].map(([, name]) => name));
      expect([stdout, [...refused].sort()]).toEqual([stdout, pages.slice(1).sort()]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
