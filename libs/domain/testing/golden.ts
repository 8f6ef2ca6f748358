import { readdirSync, readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { type Codec, type StoredShape, UnreadableEvent } from '../codec.js';

/** What a golden file holds: an event as it stood in the log with this schema, and what it means today. */
export interface Golden<Event> {
  readonly stored: StoredShape;
  readonly event: Event;
}

/** The names of the golden files beside a spec: `<EventType>.v<schema>.json`. */
export function goldenFiles(spec: string): string[] {
  return readdirSync(new URL('golden/', spec)).sort();
}

export function readGolden<Event>(spec: string, name: string): Golden<Event> {
  return JSON.parse(readFileSync(new URL(`golden/${name}`, spec), 'utf8')) as Golden<Event>;
}

/** Every stored version is read; today's is written; nothing of another shape or from the future passes. */
export function expectGolden<Event extends { type: string }>(codec: Codec<Event>, spec: string, name: string, newest = 1): void {
  const { stored, event } = readGolden<Event>(spec, name);
  expect(name).toBe(`${stored.type}.v${stored.schema}.json`);
  expect(codec.decode(stored)).toEqual(event);
  if (stored.schema === newest) expect(codec.encode(event)).toEqual(stored);
  expect(() => codec.decode({ ...stored, schema: newest + 1 })).toThrow(UnreadableEvent);
  for (const field of Object.keys(stored.data)) {
    expect(() => codec.decode({ ...stored, data: { ...stored.data, [field]: [{ no: 'such shape' }, 7] } })).toThrow(UnreadableEvent);
  }
}
