export * from './event-log.js';
export * from './follow-log.js';
export * from './run-command.js';
