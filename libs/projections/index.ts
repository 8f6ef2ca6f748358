export * from './api-keys.js';
export * from './audience-definitions.js';
export * from './compile-playbook.js';
export * from './definitions.js';
export { eventRows, projectedEventTypes } from './rows/event-rows.js';
export { readPageAddress } from './rows/page-address.js';
export { type FactRows, noRows, type Rows } from './rows/rows.js';
export { type Batch, type FirstRecorded, withoutRepeats } from './rows/without-repeats.js';
