export * from './event-log.contract.js';
export * from './given-events.js';
