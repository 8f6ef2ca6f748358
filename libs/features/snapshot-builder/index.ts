export { SnapshotBuilderModule } from './snapshot-builder.module.js';
