export { closeInTime } from './close-in-time.js';
export * from './leadership-metrics.js';
export * from './ops.module.js';
export * from './spool-metrics.js';
export { readUnreadBodies } from './unread-bodies.js';
