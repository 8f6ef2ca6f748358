export * from './api-keys.js';
export * from './definitions.js';
