export * from './embedded.js';
export { type EngineStartCode, EngineStartError } from './engine-errors.js';
export type { EngineCluster, EngineUser } from './engine-files.js';
