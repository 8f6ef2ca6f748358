export { accountStatements, readerStatements } from './grants.js';
export { migrations } from './migrations.js';
