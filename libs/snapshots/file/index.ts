export { openFileSnapshots } from './file-snapshots.js';
