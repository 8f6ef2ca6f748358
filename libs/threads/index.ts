export { type Answers, type Conversation, converse, ThreadAway } from './conversation.js';
export { canMoveConnections } from './handles.js';
export { type Seat, SharedPort, takeSeat } from './shared-port.js';
