export * from './data-folder.js';
export * from './settings.js';
