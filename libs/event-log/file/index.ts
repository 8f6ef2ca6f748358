export * from './file-log.js';
export * from './log-corrupted.js';
export * from './verify.js';
