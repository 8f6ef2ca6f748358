export * from './bucket.js';
export * from './connection.js';
export * from './errors.js';
export { JetStream, type StoredMessage } from './jetstream.js';
export * from './key-part.js';
