export * from './embedded-customer-keys.js';
