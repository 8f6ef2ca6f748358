export * from './database.js';
export * from './self-signed.js';
export * from './server.js';
