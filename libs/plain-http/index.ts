export { PlainConnections, plainConnections, socketsUnknown } from './connections.js';
export { type Conversation, incomplete, type Recogniser, type Reply, unrecognised } from './conversation.js';
export { type HeaderBlock, headerBlock, isBlock, isForConnectionThatStays, isForNoParser, readHeaders } from './header-block.js';
export { type ReadBytes, readBytes, word } from './read-bytes.js';
export { DateHeader, dateLength, type ResponseParts, responseBytes } from './response.js';
