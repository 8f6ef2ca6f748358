export * from './nats-customer-keys.js';
