export * from './recompute.js';
