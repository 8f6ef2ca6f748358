/** A connection that says what it is given, for specs that hold one way of answering to another. */
import { connect } from 'node:net';

/** How long a server may say nothing before it is taken to wait for more. */
const quietMsDefault = 80;

/**
 * Sends the requests one after the other, each in pieces that are packets of their own and, as a client that does not pipeline, after the answer to the one
 * before. Then waits for the server to close, and says that no more will come when the server is quiet. All that was heard, with the time of day
 * left out.
 */
export function say(url: string, requests: readonly (readonly Buffer[])[], quietMs = quietMsDefault): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const heard: Buffer[] = [];
    let wake: () => void = () => undefined;
    /** False when nothing was. */
    const answered = () =>
      new Promise<boolean>((done) => {
        const timer = setTimeout(() => done(false), quietMs);
        wake = () => {
          clearTimeout(timer);
          done(true);
        };
      });
    const send = async () => {
      for (const pieces of requests) {
        const answer = answered();
        for (const piece of pieces) {
          if (socket.destroyed) return;
          socket.write(piece);
          await new Promise(setImmediate);
          await new Promise(setImmediate);
        }
        await answer;
      }
      while (!socket.destroyed && (await answered()));
      socket.end();
    };
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => void send());
    socket.on('data', (chunk) => {
      heard.push(chunk);
      wake();
    });
    // A server that closes while more is being sent breaks the connection; what it said before is what counts.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      wake();
      resolve(withoutTime(Buffer.concat(heard).toString('latin1')));
    });
  });
}

function withoutTime(text: string): string {
  return text.replaceAll(/^Date: [A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT\r$/gm, 'Date: now\r');
}

/** A text whose characters are bytes, cut at these places, each taken within its length. */
export function pieces(text: string, at: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const places = [...new Set([0, ...at.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}
