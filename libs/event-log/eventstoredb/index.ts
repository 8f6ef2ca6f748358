export * from './eventstoredb-log.js';
export { EventLogRefused } from './failures.js';
