export { type ImageHandler, serveImages } from './image-server.js';
export {
  type NatsSnapshotBuilderOptions,
  type NatsSnapshotsOptions,
  openNatsSnapshotBuilder,
  openNatsSnapshots,
} from './nats-snapshots.js';
