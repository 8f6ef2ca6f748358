export { type TagScript, tagScript } from './tag-script.js';
