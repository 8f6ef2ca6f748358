import { parsePosition } from '#libs/event-log';
import { Bucket, isForbidden, type JetStream, keyPart, NatsUnavailable } from '#libs/nats';
import { type Acknowledgement, acknowledgementTtlMs } from '../publication.js';
import { each } from './pointers.js';

/** Acknowledgements in the key-value bucket `vitrine-nodes`, key `{nodeId}.{clientId}.{kind}`; NATS drops what is not renewed. */
export class NatsAcknowledgements {
  readonly bucket: Bucket;

  constructor(jetStream: JetStream, replicas: number) {
    this.bucket = new Bucket(jetStream, { name: 'vitrine-nodes', ttlMs: acknowledgementTtlMs, replicas });
  }

  async put(acknowledgement: Acknowledgement): Promise<void> {
    const { nodeId, clientId, kind, position } = acknowledgement;
    const key = `${keyPart(nodeId)}.${keyPart(clientId)}.${kind}`;
    await this.bucket.put(key, JSON.stringify({ ...acknowledgement, position: String(position) }));
  }

  /** Whether NATS lets this user write for the node; true also when it cannot be asked now. What it writes is no client's, and soon gone. */
  async mayPut(nodeId: string): Promise<boolean> {
    try {
      await this.bucket.put(`${keyPart(nodeId)}._.started`, '{}');
      return true;
    } catch (error) {
      if (!(error instanceof NatsUnavailable)) throw error;
      return !isForbidden(error);
    }
  }

  async of(clientId: string): Promise<Acknowledgement[]> {
    const found: Acknowledgement[] = [];
    const { keys } = await this.bucket.keys(`*.${keyPart(clientId)}.*`);
    await each(keys, async (key) => {
      const entry = await this.bucket.get(key);
      if (entry === undefined) return;
      const fields = JSON.parse(Buffer.from(entry.value).toString('utf8')) as Omit<Acknowledgement, 'position'> & { position: string };
      const position = parsePosition(fields.position);
      if (position !== undefined) found.push({ ...fields, position });
    });
    return found;
  }
}
