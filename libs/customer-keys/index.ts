export * from './customer-keys.js';
