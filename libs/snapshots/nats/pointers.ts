import { Bucket, type Entry, type JetStream } from '#libs/nats';
import { SnapshotsUnavailable, StalePublication } from '../errors.js';
import type { Announcement, SnapshotKind } from '../publication.js';
import { parseAnnouncement, stringifyAnnouncement } from '../stored-announcement.js';

const attemptsMax = 100;

/** Pointers in the key-value bucket `vitrine-current`, key `{clientId}.{kind}`: changed by compare and set only. */
export class NatsPointers {
  readonly bucket: Bucket;

  constructor(jetStream: JetStream, options: { readonly replicas: number; readonly fromLeader: boolean }) {
    this.bucket = new Bucket(jetStream, { name: 'vitrine-current', ...options });
  }

  async read(clientId: string, kind: SnapshotKind): Promise<Announcement | null> {
    const entry = await this.bucket.get(pointerKey(clientId, kind));
    return entry === undefined ? null : announcementOf(entry);
  }

  /** Replaces what is announced by what `next` makes of it; null leaves it. `next` is asked again when another writer came first. */
  async change(
    clientId: string,
    kind: SnapshotKind,
    next: (current: Announcement | null) => Announcement | null | Promise<Announcement | null>,
  ): Promise<Announcement | null> {
    const key = pointerKey(clientId, kind);
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const entry = await this.bucket.get(key);
      const changed = await next(entry === undefined ? null : announcementOf(entry));
      if (changed === null) return null;
      const value = stringifyAnnouncement(changed);
      const revision = await (entry === undefined ? this.bucket.create(key, value) : this.bucket.update(key, value, entry.revision));
      if (revision !== undefined) return changed;
    }
    throw new StalePublication(`${key} is being changed by others all the time`);
  }

  async all(): Promise<Announcement[]> {
    const { keys } = await this.bucket.keys('>');
    const found: Announcement[] = [];
    await each(keys, async (key) => {
      const entry = await this.bucket.get(key);
      if (entry !== undefined) found.push(announcementOf(entry));
    });
    return found;
  }
}

/** At most 32 at once. */
export async function each<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

/** @throws SnapshotCorrupt */
export function announcementOf(entry: Entry): Announcement {
  return parseAnnouncement(Buffer.from(entry.value).toString('utf8'));
}

function pointerKey(clientId: string, kind: SnapshotKind): string {
  // Every client id is a part of a key as it is; whatever else would reach another's.
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(clientId)) throw new SnapshotsUnavailable(`${JSON.stringify(clientId)} is no client id`);
  return `${clientId}.${kind}`;
}
