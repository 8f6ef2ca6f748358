export * from './nats-leadership.js';
