export * from './leadership.js';
export * from './lock-file.js';
