import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { behaviourTypes, eventTypeOf, parseBehaviour, type StoredShape, UnreadableEvent } from '#libs/domain';
import type { JsonObject, Position, RecordedEvent } from '#libs/event-log';
import { eventRows } from './event-rows.js';
import { noRows } from './rows.js';

/** What stood in the log with this schema, what was sent to `/e` for it (where nothing had to be sealed), and the rows that it is today. */
interface Golden {
  readonly sent?: { readonly properties: object };
  readonly stored: StoredShape;
  readonly rows: object;
}

const folder = new URL('golden/', import.meta.url);
const names = readdirSync(folder).sort();
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden;

const recorded = ({ type, schema, data }: StoredShape): RecordedEvent => ({
  id: '00000000-0000-4000-8000-000000000001',
  type,
  data: data as JsonObject,
  metadata: { schema, clientId: 'golf', actor: 'node:n1' },
  stream: 'behaviour-golf.n1.2026-11-23',
  revision: 0n,
  position: 7n as Position,
  recordedAt: new Date('2026-11-23T07:00:10.000Z'),
});

describe('facts as they stand in the log', () => {
  it('are all here: every type that is written', () => {
    const written = [...behaviourTypes.map(eventTypeOf), 'ContentServed'].sort();
    // A click has two shapes: as the tag reports it, and as a node saw it (`.address`).
    expect([...new Set(names.map((name) => name.split('.', 1)[0]))].sort()).toEqual(written);
    expect(names).toContain('ContentClicked.address.v1.json');
  });

  it.each(names)('%s is read as ever', (name) => {
    const { stored, rows, sent } = read(name);
    expect(name).toMatch(new RegExp(`^${stored.type}(\\.\\w+)?\\.v${stored.schema}\\.json$`));
    expect(eventRows(recorded(stored))?.rows).toEqual({ ...noRows, ...rows });
    if (sent !== undefined) {
      const parsed = parseBehaviour(sent, { currency: 'GBP', receivedAt: new Date(0), maySendServerTypes: true });
      expect(parsed).toEqual({ fact: stored.data });
    }
    for (const schema of [2, 0, 1.5]) expect(() => eventRows(recorded({ ...stored, schema }))).toThrow(UnreadableEvent);
    const { customerId: _, ...nobody } = stored.data;
    expect(() => eventRows(recorded({ ...stored, data: nobody }))).toThrow(UnreadableEvent);
  });
});
