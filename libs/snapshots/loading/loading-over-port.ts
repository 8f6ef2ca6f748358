import type { MessagePort } from 'node:worker_threads';
import { SnapshotsUnavailable } from '../errors.js';
import type { Announcement, ImagePlace } from '../publication.js';
import { type ImageLoading, refusal, refusalCode, type SharedImage } from './image-loading.js';

/** What a thread asks of the one that has the loading. `image` is a number that the other gave to an image. */
type Question =
  | { readonly ask: 'audience'; readonly id: number; readonly place: ImagePlace; readonly of: Of; readonly urgent: boolean }
  | { readonly ask: 'write'; readonly id: number; readonly image: number; readonly path: string }
  | { readonly ask: 'release'; readonly image: number };

type Of = Pick<Announcement, 'sha256' | 'bytes'>;

type Answer =
  | { readonly id: number; readonly image: number; readonly bytes: Uint8Array }
  | { readonly id: number; readonly refused: { readonly code: string; readonly message: string } | null };

/**
 * Lets another thread load through this one's loading: an image is then in memory once for all threads that answer from it. When the port closes, as
 * it does when the other thread ends, what that thread kept is released.
 */
export function offerLoading(loading: ImageLoading, port: MessagePort): void {
  const given = new Map<number, SharedImage>();
  let count = 0;
  let isClosed = false;
  const work = async (question: Exclude<Question, { ask: 'release' }>): Promise<Answer> => {
    const { id } = question;
    try {
      if (question.ask === 'write') {
        const image = given.get(question.image);
        if (image === undefined) throw new SnapshotsUnavailable('the image was released');
        await image.writeTo(question.path);
        return { id, refused: null };
      }
      const image = await loading.audience(question.place, question.of, question.urgent);
      if (isClosed) {
        image.release();
        return { id, refused: null };
      }
      count += 1;
      given.set(count, image);
      return { id, image: count, bytes: image.bytes };
    } catch (error) {
      return { id, refused: { code: refusalCode(error), message: error instanceof Error ? error.message : String(error) } };
    }
  };
  port.on('message', (question: Question) => {
    if (question.ask === 'release') {
      given.get(question.image)?.release();
      given.delete(question.image);
      return;
    }
    void work(question).then((answer) => port.postMessage(answer));
  });
  port.on('close', () => {
    isClosed = true;
    for (const image of given.values()) image.release();
    given.clear();
  });
  port.unref();
}

/** The loading of the thread at the other end of the port. `memory` and `close` are this thread's: nothing of its own. */
export function loadingOver(port: MessagePort): ImageLoading {
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  let asked = 0;
  let isClosed = false;
  const ask = (question: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (isClosed) return reject(away());
      asked += 1;
      waiting.set(asked, { resolve, reject });
      port.postMessage({ ...question, id: asked });
    });
  port.on('message', (answer: Answer) => {
    waiting.get(answer.id)?.resolve(answer);
    waiting.delete(answer.id);
  });
  const end = () => {
    isClosed = true;
    for (const { reject } of waiting.values()) reject(away());
    waiting.clear();
  };
  port.on('close', end);
  return {
    async audience(place, { sha256, bytes }, urgent = false) {
      const answer = await ask({ ask: 'audience', place, of: { sha256, bytes }, urgent });
      if ('refused' in answer) throw refusal(answer.refused ?? { code: '', message: 'the loading was closed' });
      return sharedOver(port, ask, answer);
    },
    memory: { usedBytes: 0, spareBytes: 0 },
    close: async () => {
      end();
      port.close();
    },
  };
}

const away = () => new SnapshotsUnavailable('the thread that has the loading is away');

function sharedOver(
  port: MessagePort,
  ask: (question: object) => Promise<Answer>,
  { image, bytes }: Extract<Answer, { image: number }>,
): SharedImage {
  let keepers = 1;
  const held = () => {
    if (keepers === 0) throw new Error('the image was released');
  };
  return {
    bytes,
    retain() {
      held();
      keepers += 1;
    },
    release() {
      held();
      keepers -= 1;
      if (keepers === 0) port.postMessage({ ask: 'release', image } satisfies Question);
    },
    async writeTo(path) {
      held();
      const answer = await ask({ ask: 'write', image, path });
      if ('refused' in answer && answer.refused !== null) throw refusal(answer.refused);
    },
  };
}
