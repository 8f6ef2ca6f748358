import { Gauge, type Registry } from 'prom-client';
import type { FactQueue } from '#libs/spool';

/** Shows how full the disk queue of a process is, and whether the log takes what it sends; for every process that has one. */
export function observeSpool(registry: Registry, facts: { readonly status: FactQueue['status'] & { readonly refused: number } }): void {
  const gauge = (name: string, help: string, read: (status: typeof facts.status) => number, ofThreads: 'sum' | 'min' = 'sum') =>
    new Gauge({
      name,
      help,
      aggregator: ofThreads,
      registers: [registry],
      collect() {
        this.set(read(facts.status));
      },
    });
  gauge('vitrine_spool_bytes', 'Bytes on the disk that wait for the log.', ({ spooledBytes }) => spooledBytes);
  gauge('vitrine_spool_bytes_max', 'Bytes that may wait.', ({ spooledBytesMax }) => spooledBytesMax);
  gauge('vitrine_spool_facts', 'Facts that wait for the log.', ({ queued }) => queued);
  gauge('vitrine_spool_dropped', 'Facts dropped since the start because the queue was full.', ({ dropped }) => dropped);
  gauge(
    'vitrine_spool_refused',
    'Facts since the start that the log will never take; dead-letter.ndjson holds them.',
    ({ refused }) => refused,
  );
  gauge('vitrine_spool_forwarded', 'Facts appended to the log since the start.', ({ forwarded }) => forwarded);
  gauge('vitrine_spool_log_available', '1 while the log takes what the spool sends.', ({ logAvailable }) => (logAvailable ? 1 : 0), 'min');
}
