export * from './file-log.js';
export * from './log-corrupted.js';
