export * from './definitions.js';
export * from './api-keys.js';
