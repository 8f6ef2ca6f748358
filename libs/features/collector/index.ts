/** @public For a process of its own. */
export { CollectorModule, configureCollectorHttp } from './collector.module.js';
export * from './limits.js';
