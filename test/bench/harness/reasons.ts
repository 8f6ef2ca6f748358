import type { RowId } from './row.js';

/** Why a target is missed, as profiling found it, and what was tried: written into the report beside a row that is missed, and left out of one that is met. */
export const reasons: Readonly<Partial<Record<RowId, string>>> = {
  'collector-vs-fastify':
    "of some 60 µs of CPU for a batch of 20 (6.2 kB), Node's HTTP server takes 22, reading and writing the events 13, the spool's write and fsync in its threads 12 to 14, the collector of garbage 6 (--cpu-prof, schedstat per thread). Tried: no objects of events, words by their first byte, what events repeat compared and not read, one piece of memory per fsync, no routing (240 → 60 µs). Left: a reader on the plain socket (about 12 µs), a disk queue in files of fixed size, whose fsync writes no journal (docs/adr/0051).",
};
