import type { RowId } from './row.js';

/** All content queries go the same way; `more`: what is so of one peer. */
function queryReason(more: string): string {
  return `of a request's processor time 53 to 59 % are the kernel's, 11 to 14 % Node's own C++, 27 to 33 % ours, of which no function has more than an eighth (perf, cpu-clock, and --cpu-prof; libs/features/content-query/fast-path/README.md). A C program that does no more than epoll, one read and one write of as many bytes costs 0.77 times nginx on the same turns. Tried: one read buffer, direct writes, templates, ids from a pool, keyed BLAKE3, large pages for the audience; parameters, heads and ids compared and copied by four and eight bytes (0.9 of our own part in a loop without sockets); Node's own code in large pages (--use-largepages) was no better, nor were larger young generations.${more}`;
}

/** Why a target is missed, as profiling found it, and what was tried: written into the report beside a row that is missed, and left out of one that is met. */
export const reasons: Readonly<Partial<Record<RowId, string>>> = {
  'collector-vs-fastify':
    "of some 60 µs of CPU for a batch of 20 as the tag sends it (6.2 kB), reading and writing the events takes 16, the spool's write and fsync in its threads 9, the write to the socket 8, handing over between threads 4, frame and checksum 3, the read 2 (perf, beside other work); Node's HTTP server, which took 22, is gone. Tried: a reader on the plain socket (0.58 of the CPU before), heads found by their shape, no objects of events, what events repeat compared and not read, one piece of memory per fsync. Left: the body itself into the spool and its JSON at forwarding, sixteen bytes at once by SIMD (docs/adr/0051).",
  'query-off-vs-nginx': queryReason(''),
  'query-on-vs-nginx': queryReason(''),
  'query-vs-haproxy-map': queryReason(" HAProxy's map costs 1.6 times nginx here, where 1.9 to 2.1 were expected."),
  'query-vs-node-http': queryReason(" Node's constant costs but twice nginx here: the target is less than a read and a write."),
  'query-vs-fastify-map': queryReason(''),
  'query-vs-node-redis': queryReason(''),
  'swap-p999':
    "by the scheduler's trace (perf sched) the loading thread keeps nobody waiting for longer than 0.8 ms (4.1 ms before it worked in bursts), and turns of the event loop take as long as without a swap: docs/adr/0058. What is left is the machine's: compare `controlRatio`, two turns without a swap.",
};
