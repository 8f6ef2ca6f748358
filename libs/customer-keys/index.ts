export * from './customer-keys.js';
export * from './errors.js';
export * from './seal.js';
