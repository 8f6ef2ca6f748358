export * from './customer-keys.contract.js';
