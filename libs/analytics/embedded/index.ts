export * from './embedded.js';
export { type EngineStartCode, EngineStartError } from './engine-errors.js';
