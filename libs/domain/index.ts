export * from './criteria/criteria.js';
export * from './decider.js';
export * from './decision/playbook.js';
export * from './facts/facts.js';
export * from './ids.js';
