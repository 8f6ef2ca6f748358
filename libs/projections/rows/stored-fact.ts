import { type StoredShape, UnreadableEvent } from '#libs/domain';

export type StoredFact = StoredShape;

/** Newest version of the shape of facts that this program reads. */
const schemaMax = 1;

/**
 * A fact as it stands in the log. Facts were checked whole before they were recorded; here only what tells a fact from something else is looked at.
 * @throws UnreadableEvent for a version from the future or data of another shape.
 */
export function storedFact<Fact extends { readonly customerId: string; readonly time: string }>(
  stored: StoredFact,
  needed: readonly (keyof Fact & string)[],
): Fact {
  if (!Number.isInteger(stored.schema) || stored.schema < 1 || stored.schema > schemaMax) {
    throw new UnreadableEvent(`${stored.type} of schema ${stored.schema}: this version reads 1 to ${schemaMax}`);
  }
  for (const name of ['customerId', 'time', ...needed]) {
    if (stored.data[name] === undefined || stored.data[name] === null) throw new UnreadableEvent(`${stored.type} without ${name}`);
  }
  // The shape is that of the type by the writer's check; JSON has no other way to say so.
  return stored.data as unknown as Fact;
}
