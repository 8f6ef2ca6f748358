export * from './publication.contract.js';
export * from './rows.js';
