export * from './facts.js';
export { SpoolInUse } from './folder-lock.js';
export type { PackedFacts, Unpack } from './packed-facts.js';
export { SpoolDamaged } from './segments.js';
export * from './spool.js';
