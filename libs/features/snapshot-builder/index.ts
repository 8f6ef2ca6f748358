export type { SnapshotBuilderOptions } from './builder-parts.js';
export { BuilderMetrics } from './metrics.js';
export { SnapshotBuilder } from './snapshot-builder.js';
export * from './snapshot-builder.module.js';
