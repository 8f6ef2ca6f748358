export * from './ops.module.js';
export { readUnreadBodies } from './unread-bodies.js';
