export * from './analytics.js';
export * from './analytics-writer.js';
