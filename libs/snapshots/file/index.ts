export { type FileSnapshotsOptions, openFileSnapshots } from './file-snapshots.js';
