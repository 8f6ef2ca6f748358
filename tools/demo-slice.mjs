/**
 * Makes the slice of Online Retail that the repository carries, from the whole file: `node tools/demo-slice.mjs <online-retail.csv.gz>`.
 * It keeps whole customers (so that their histories are right), and every fourth invoice without a customer; the rows and their order are
 * the source's. Attribution: apps/standalone/demo/data/README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

const [source] = process.argv.slice(2);
const lines = gunzipSync(readFileSync(source)).toString('utf8').split('\n');
const kept = lines.filter((line, index) => {
  if (index === 0) return true;
  const invoice = /^C?(\d+)/.exec(line)?.[1];
  const customer = /,(\d{5})\.0,[^,]*$/.exec(line)?.[1];
  return customer === undefined ? invoice !== undefined && Number(invoice) % 4 === 0 : Number(customer) % 4 === 0;
});
const packed = gzipSync(`${kept.join('\n')}\n`, { level: 9 });
writeFileSync(new URL('../apps/standalone/demo/data/online-retail-slice.csv.gz', import.meta.url), packed);
console.log(`${kept.length - 1} of ${lines.length - 2} rows, ${packed.length} bytes`);
