export * from './eventstoredb-log.js';
export { EventLogRefused, ForeignEvent } from './failures.js';
