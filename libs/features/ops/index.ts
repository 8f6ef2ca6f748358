export { closeInTime } from './close-in-time.js';
export * from './ops.module.js';
export { readUnreadBodies } from './unread-bodies.js';
