export type { ApiKeysReader, DefinitionsReader } from './collecting.js';
export { CollectorModule, type CollectorOptions, type CollectorParts, configureCollectorHttp } from './collector.module.js';
export * from './limits.js';
