export { PlainConnections, plainConnections, socketsUnknown } from './connections.js';
export { type Conversation, incomplete, type Recogniser, type Reply, unrecognised } from './conversation.js';
export { behindShape, HeadValues, type Piece, piece, sampleOf, shapeOf } from './head-shape.js';
export { isForConnectionThatStays, isForNoParser, readHeaders } from './headers.js';
export { type ReadBytes, readBytes, word } from './read-bytes.js';
export { DateHeader, dateLength, type ResponseParts, responseBytes } from './response.js';
