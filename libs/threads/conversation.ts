import type { MessagePort } from 'node:worker_threads';

/** What one thread answers to another, by name: arguments and results are what `postMessage` can copy. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments of any function; `Conversation` says them to who asks.
export type Answers = Readonly<Record<string, (...given: any[]) => unknown>>;

/** What the thread at the other end of a port is asked. */
export interface Conversation<Theirs extends Answers> {
  /** @throws what the other refused with, as an Error of the same `code` and message; ThreadAway when it is gone. */
  ask<Name extends keyof Theirs & string>(name: Name, ...given: Parameters<Theirs[Name]>): Promise<Awaited<ReturnType<Theirs[Name]>>>;
  /** Whoever waits is refused with ThreadAway. */
  close(): void;
  /** When the other end has closed, as it does when its thread ends, or this one has. */
  readonly closed: Promise<void>;
}

/** The thread that was asked has ended, or no longer answers. */
export class ThreadAway extends Error {
  readonly code = 'THREAD_AWAY';
}

interface Question {
  readonly ask: string;
  readonly id: number;
  readonly given: readonly unknown[];
}

type Answer =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly refused: { readonly code: string | undefined; readonly message: string } };

/** Two threads that ask each other: each gives what it answers, and asks what the other does. The port keeps a thread alive while it waits, and not else. */
export function converse<Theirs extends Answers>(port: MessagePort, mine: Answers): Conversation<Theirs> {
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  let isClosed = false;
  const settled = (id: number) => {
    const one = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) port.unref();
    return one;
  };
  port.on('message', (message: Question | Answer) => {
    if ('ask' in message) {
      void answerTo(message, mine).then((answer) => port.postMessage(answer));
      return;
    }
    const one = settled(message.id);
    if ('answer' in message) one?.resolve(message.answer);
    else one?.reject(Object.assign(new Error(message.refused.message), { code: message.refused.code }));
  });
  port.unref();
  const closed = new Promise<void>((resolve) => {
    port.on('close', () => {
      isClosed = true;
      for (const { reject } of waiting.values()) reject(new ThreadAway('the other thread has ended'));
      waiting.clear();
      resolve();
    });
  });
  return {
    closed,
    close: () => port.close(),
    ask: (name, ...given) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(new ThreadAway('the other thread has ended'));
        asked += 1;
        waiting.set(asked, { resolve: resolve as (answer: unknown) => void, reject });
        port.ref();
        port.postMessage({ ask: name, id: asked, given } satisfies Question);
      }),
  };
}

async function answerTo({ ask, id, given }: Question, mine: Answers): Promise<Answer> {
  try {
    const answer = Object.hasOwn(mine, ask) ? mine[ask] : undefined;
    if (answer === undefined) throw new Error(`this thread knows no answer to ${ask}`);
    return { id, answer: await answer(...given) };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return {
      id,
      refused: { code: typeof code === 'string' ? code : undefined, message: typeof message === 'string' ? message : String(error) },
    };
  }
}
