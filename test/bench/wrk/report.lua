-- The end of a run as one line of JSON; wrk counts latencies in microseconds. `latencies`: each that occurred, and how often, one after the other.
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local counts = {}
  for index = 1, #latency do
    local micros, count = latency(index)
    counts[index] = string.format('%d,%d', micros, count)
  end
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"bytes":%d,"p50Ms":%.3f,"p99Ms":%.3f,"p999Ms":%.3f,"maxMs":%.3f,"errors":%d,"latencies":[%s]}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3, failed,
    table.concat(counts, ',')))
end
