import type { Server } from 'node:http';
import { type PlainConnections, plainConnections, socketsUnknown } from '#libs/plain-http';
import type { Spool } from '#libs/spool';
import type { Answering, AnsweringParts } from '../answering.js';
import { answersOrRefusals, callers, crossOrigin, type EdgeHttpOptions } from '../edge-http.js';
import { FastAnswers } from './fast-answers.js';
import { Heads } from './heads.js';
import { PackedAnswers, packedAnswersForm } from './packed-answers.js';
import { PageRequests } from './page-requests.js';

export interface FastPathParts extends AnsweringParts {
  readonly facts: Pick<Spool, 'offer' | 'packed'>;
}

/**
 * Puts the fast path before a server that does not listen yet. Undefined, told once, when this Node's sockets are not as the fast path knows them: then
 * the server answers everything itself.
 */
export function putFastPathBefore(
  server: Server,
  parts: FastPathParts,
  answering: Answering,
  options: EdgeHttpOptions,
): PlainConnections | undefined {
  const connections = plainConnections(server);
  if (connections === undefined) {
    options.report('content queries go the common way', socketsUnknown());
    return undefined;
  }
  const heads = new Heads({
    callerOf: callers(options),
    devices: parts.devices,
    countryHeader: options.countryHeader?.toLowerCase(),
  });
  const keepAliveSeconds = Math.floor(server.keepAliveTimeout / 1000);
  const answers = new FastAnswers({
    ...parts,
    answering,
    heads,
    answersOrRefusals: answersOrRefusals(parts.metrics, options),
    crossOrigin: (target, origin) => crossOrigin(answering, 'GET', target, origin),
    keepAliveSeconds,
    report: options.report,
    recorder: new PackedAnswers(parts.facts.packed(packedAnswersForm)),
  });
  connections.add(answers);
  const others = new PageRequests({
    ...parts,
    answering,
    heads,
    answersOrRefusals: answersOrRefusals(parts.metrics, options),
    keepAliveSeconds,
    report: options.report,
  });
  connections.add(others);
  parts.metrics.observeFastPath(() => ({
    prepared: answers.prepared,
    composed: answers.composed + others.answered,
    handedOver: connections.handedOver,
    connections: connections.size,
  }));
  return connections;
}
