export * from './codec.js';
export * from './criteria/criteria.js';
export * from './decider.js';
export * from './decision/playbook.js';
export * from './facts/facts.js';
export * from './facts/message-key.js';
export * from './ids.js';
export * from './json.js';
