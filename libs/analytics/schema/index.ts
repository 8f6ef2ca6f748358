export { accountStatements, grantsFor, readerGrantsFor } from './grants.js';
export { migrations } from './migrations.js';
