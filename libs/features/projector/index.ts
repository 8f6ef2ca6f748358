// Beside the projector for who runs it; its own home is `#libs/leadership`.
export { type AcquireLeadership, lockFileLeadership } from '#libs/leadership';
export type { BatchLimits } from './event-buffer.js';
export { ProjectorMetrics, type ProjectorState } from './metrics.js';
export { Projector, type ProjectorParts, type ProjectorStatus } from './projector.js';
export { defaultLimits, ProjectorModule, type ProjectorPorts } from './projector.module.js';
export { requestRebuild } from './rebuild-request.js';
