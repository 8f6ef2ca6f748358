import { type EventMetadata, type JsonObject, WrittenEvent } from '#libs/event-log';
import type { FactIds } from './fact-id.js';
import type { SpooledFact, WrittenFact } from './facts.js';
import type { OutgoingFact } from './forwarder.js';
import { type Frame, jsonForm } from './frames.js';
import { jsonFacts } from './json-facts.js';
import type { Unpack } from './packed-facts.js';
import { SpoolDamaged } from './segments.js';

interface OfClient {
  readonly category: string;
  readonly clientId: string;
  readonly day: string;
  readonly stream: string;
  readonly metadataJson: string;
}

/** Makes events of the facts of frames, one by one. */
export class OutgoingFacts {
  /** Most facts are of the same client as the one before. */
  private last: OfClient = { category: '', clientId: '', day: '', stream: '', metadataJson: '' };

  constructor(
    private readonly node: string,
    private readonly ids: FactIds,
    private readonly forms: Readonly<Record<string, Unpack>>,
  ) {}

  *of(frame: Frame): Generator<OutgoingFact> {
    const day = new Date(frame.putAtMs).toISOString().slice(0, 10);
    let sequence = frame.firstSequence;
    for (const fact of this.factsOf(frame)) yield this.outgoing(fact, sequence++, day);
  }

  private factsOf({ form, content }: Frame): Iterable<SpooledFact | WrittenFact> {
    if (form === jsonForm) return jsonFacts(content);
    const unpack = this.forms[form];
    // Written by another version of this process; the facts stay where they are for one that knows the form.
    if (unpack === undefined) throw new SpoolDamaged(`facts in the form ${form}, which is not known here`);
    return unpack(content);
  }

  private outgoing(fact: SpooledFact | WrittenFact, sequence: number, day: string): OutgoingFact {
    const { stream, metadataJson } = this.ofClient(fact.category, fact.clientId, day);
    const id = this.ids.of(sequence);
    if (!('dataJson' in fact)) {
      const metadata = this.metadata(fact.clientId, fact.metadata);
      const event = { id, type: fact.type, data: fact.data, metadata };
      return { sequence, stream, event, bytes: jsonBytes(fact.data) + jsonBytes(metadata) };
    }
    const metadata =
      fact.metadataJson === undefined
        ? metadataJson
        : JSON.stringify(this.metadata(fact.clientId, JSON.parse(fact.metadataJson) as JsonObject));
    const event = new WrittenEvent(id, fact.type, fact.dataJson, metadata);
    return { sequence, stream, event, bytes: Buffer.byteLength(fact.dataJson) + metadata.length };
  }

  private ofClient(category: string, clientId: string, day: string): OfClient {
    const { last } = this;
    if (last.category === category && last.clientId === clientId && last.day === day) return last;
    const stream = `${category}-${clientId}.${this.node}.${day}`;
    this.last = { category, clientId, day, stream, metadataJson: JSON.stringify(this.metadata(clientId)) };
    return this.last;
  }

  private metadata(clientId: string, given?: JsonObject): EventMetadata {
    return { schema: 1, clientId, actor: `node:${this.node}`, node: this.node, ...given };
  }
}

function jsonBytes(value: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(value));
}
