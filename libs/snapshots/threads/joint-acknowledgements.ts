import type { Acknowledgement } from '../publication.js';

interface OfOne {
  readonly threads: (Acknowledgement | undefined)[];
  said: Acknowledgement | undefined;
  /** What is on its way, and whether there is something newer to say behind it. */
  saying: Promise<void> | undefined;
  again: boolean;
}

/**
 * Several threads that answer as one node: what is acknowledged for the node is what the thread that is furthest behind answers from, and nothing until
 * all answer. The first thread's acknowledgements, which come again and again, keep the node's alive.
 */
export class JointAcknowledgements {
  private readonly all = new Map<string, OfOne>();

  constructor(
    private readonly nodeId: string,
    private readonly threads: number,
    private readonly acknowledge: (joint: Acknowledgement) => Promise<void>,
  ) {}

  /** Resolves when what it changed is said. @throws as `acknowledge`. */
  async take(thread: number, acknowledgement: Acknowledgement): Promise<void> {
    const one = this.of(acknowledgement);
    one.threads[thread] = acknowledgement;
    const joint = jointOf(one.threads);
    if (joint === undefined) return;
    const isNew = joint.version !== one.said?.version || joint.position !== one.said.position;
    if (!isNew && thread !== 0) return;
    one.again = true;
    // One after the other, the newest last: an older one that is written over a newer would look like a step back.
    one.saying ??= this.say(one).finally(() => {
      one.saying = undefined;
    });
    await one.saying;
  }

  private async say(one: OfOne): Promise<void> {
    while (one.again) {
      one.again = false;
      const joint = jointOf(one.threads);
      if (joint === undefined) return;
      await this.acknowledge({ ...joint, nodeId: this.nodeId });
      one.said = joint;
    }
  }

  private of({ clientId, kind }: Acknowledgement): OfOne {
    const key = `${clientId} ${kind}`;
    const known = this.all.get(key);
    if (known !== undefined) return known;
    const one: OfOne = { threads: Array.from({ length: this.threads }, () => undefined), said: undefined, saying: undefined, again: false };
    this.all.set(key, one);
    return one;
  }
}

function jointOf(threads: readonly (Acknowledgement | undefined)[]): Acknowledgement | undefined {
  let least: Acknowledgement | undefined;
  for (const one of threads) {
    if (one === undefined) return undefined;
    if (least === undefined || one.position < least.position || (one.position === least.position && one.loadedAt < least.loadedAt))
      least = one;
  }
  return least;
}
