export * from './customer-keys.js';
export * from './seal.js';
