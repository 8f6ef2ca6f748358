import { setImmediate as nextTurn } from 'node:timers/promises';

/** So long rows are read at a time; then the process does what else waits. */
const sliceMs = 2;
const rowsBetweenLooks = 256;

/** The rows of an answer in a format of one JSON text a line, of any size: as they come, and in slices of milliseconds. */
export async function* textRows<Row>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Row, void, undefined> {
  let rest = Buffer.alloc(0);
  let rows = 0;
  let until = performance.now() + sliceMs;
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let at = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, at)) {
      yield JSON.parse(bytes.toString('utf8', at, end)) as Row;
      at = end + 1;
      rows += 1;
      if (rows % rowsBetweenLooks > 0 || performance.now() < until) continue;
      await nextTurn();
      until = performance.now() + sliceMs;
    }
    rest = bytes.subarray(at);
  }
  if (rest.length > 0) throw new Error('rows end in the middle of one');
}
