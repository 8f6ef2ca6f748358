export type { BatchLimits } from './event-buffer.js';
export { type AcquireLeadership, type Leadership, lockFileLeadership } from './leadership.js';
export { ProjectorMetrics, type ProjectorState } from './metrics.js';
export { Projector, type ProjectorParts, type ProjectorStatus } from './projector.js';
export { defaultLimits, ProjectorModule, type ProjectorPorts } from './projector.module.js';
export { requestRebuild } from './rebuild-request.js';
